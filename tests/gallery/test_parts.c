/* Parts of the people: halves and shares that are held out. */
#include "support.h"

#include "gallery/parts.h"

enum { PEOPLE = 20000 };

static const char *person(int n)
{
    static char name[32];
    snprintf(name, sizeof name, "Person_%05d", n);
    return name;
}

/* Worked out with the definition of CRC-32C: its check value of "123456789" is e3069283, of "a" c1d04330. */
static void test_halves_are_by_the_lowest_bit(void **state)
{
    (void)state;
    assert_true(sl_in_half(SL_PEOPLE_B, "123456789") && !sl_in_half(SL_PEOPLE_A, "123456789"));
    assert_true(sl_in_half(SL_PEOPLE_A, "a") && !sl_in_half(SL_PEOPLE_B, "a"));
    assert_true(sl_in_half(SL_PEOPLE_ALL, "a") && sl_in_half(SL_PEOPLE_ALL, "123456789"));
    for (int i = 0; i < PEOPLE; i++)
        assert_true(sl_in_half(SL_PEOPLE_A, person(i)) != sl_in_half(SL_PEOPLE_B, person(i)));
}

/* A tenth is about a tenth, of either half; a larger share has all of a smaller one. */
static void test_shares(void **state)
{
    (void)state;
    int of_half[2] = {0}, half[2] = {0};
    for (int i = 0; i < PEOPLE; i++) {
        const char *name = person(i);
        int b = sl_in_half(SL_PEOPLE_B, name);
        half[b]++;
        of_half[b] += sl_held_out(.1, name);
        assert_true(!sl_held_out(.1, name) || sl_held_out(.25, name));
        assert_false(sl_held_out(0, name));
        assert_true(sl_held_out(1, name));
    }
    for (int b = 0; b < 2; b++) { /* five standard deviations of 10,000 draws: .015 */
        assert_true(fabs((double)half[b] / PEOPLE - .5) < .02);
        assert_true(fabs((double)of_half[b] / half[b] - .1) < .015);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_halves_are_by_the_lowest_bit),
        cmocka_unit_test(test_shares),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
