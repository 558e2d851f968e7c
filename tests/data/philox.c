/* The counter-based generator against the known answers published with it (Random123, kat_vectors),
 * and the numbers made of it against their distributions. */
#include "support.h"

#include "base/philox.h"
#include "data/random.h"

#include <math.h>

static void check_vector(const uint32_t counter[4], const uint32_t key[2], const uint32_t answer[4])
{
    uint32_t out[4];
    gr_philox(counter, key, out);
    assert_memory_equal(out, answer, sizeof(out));
}

static void known_answers(void **state)
{
    (void)state;
    check_vector((uint32_t[4]){0}, (uint32_t[2]){0},
                 (uint32_t[]){0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8});
    check_vector((uint32_t[]){0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff},
                 (uint32_t[]){0xffffffff, 0xffffffff},
                 (uint32_t[]){0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd});
    /* digits of pi */
    check_vector((uint32_t[]){0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344},
                 (uint32_t[]){0xa4093822, 0x299f31d0},
                 (uint32_t[]){0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1});
}

static void seed_is_the_key(void **state)
{
    (void)state;
    uint32_t a[4], b[4], counter[4] = {1, 2, 3, 4};
    gr_philox(counter, (uint32_t[]){0x89abcdef, 0x01234567}, a);
    gr_philox_seeded(0x0123456789abcdefu, counter, b);
    assert_memory_equal(a, b, sizeof(a));
}

static void ranges(void **state)
{
    (void)state;
    assert_true(gr_philox_uniform(0) == 0.0f);
    assert_true(gr_philox_uniform(UINT32_MAX) < 1.0f);
    assert_int_equal(gr_philox_below(0, 7), 0);
    assert_int_equal(gr_philox_below(UINT32_MAX, 7), 6);
    float pair[2];
    gr_philox_normal(0, 0, pair);
    assert_true(isfinite(pair[0]) && isfinite(pair[1]));
    gr_philox_normal(UINT32_MAX, 12345, pair);
    assert_true(pair[0] == 0.0f && pair[1] == 0.0f);
}

/* Moments of N(0, 1): 0, 1, 0, 3. Their standard errors at this count are below 0.003. */
static void normal_moments(void **state)
{
    (void)state;
    enum { COUNT = 200000 };
    double moments[4] = {0};
    for (uint32_t i = 0; i < COUNT; i++) {
        uint32_t bits[4];
        float pair[2];
        gr_philox_seeded(42, (uint32_t[]){i, 0, 0, 0}, bits);
        gr_philox_normal(bits[0], bits[1], pair);
        for (int k = 0; k < 4; k++)
            moments[k] += (pow(pair[0], k + 1) + pow(pair[1], k + 1)) / (2.0 * COUNT);
    }
    assert_true(fabs(moments[0]) < 0.01);
    assert_true(fabs(moments[1] - 1.0) < 0.01);
    assert_true(fabs(moments[2]) < 0.03);
    assert_true(fabs(moments[3] - 3.0) < 0.1);
}

/* Both numbers of each pair, and of an odd count the first of the last one. */
static void normals_come_in_pairs(void **state)
{
    (void)state;
    gr_random_key key = {7, 1, 2};
    gr_random all = gr_random_stream(key, 3), bits = gr_random_stream(key, 3);
    float found[5], pair[6];
    gr_random_normals(&all, found, 5);
    for (int i = 0; i < 6; i += 2) {
        uint32_t first = gr_random_bits(&bits);
        gr_philox_normal(first, gr_random_bits(&bits), pair + i);
    }
    assert_memory_equal(found, pair, sizeof(found));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_answers),
        cmocka_unit_test(seed_is_the_key),
        cmocka_unit_test(ranges),
        cmocka_unit_test(normal_moments),
        cmocka_unit_test(normals_come_in_pairs),
    };
    return RUN_TESTS(tests);
}
