/* Included before all else in every file of net_test_gradient: the engine's scalar half and the test are compiled with
 * doubles where they say float. So the reference layers, the same lines of code, are exact enough for differences of
 * 1e-5 to tell a gradient to more than five digits. System headers come first: they mean float when they say it. */
#define _GNU_SOURCE /* as tests/support wants it */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define float double
#define fabsf fabs
