#include "match/kernels/scan_body.h"

SCAN_TABLE(scalar);
