/* The Mersenne twister against the numbers of its authors' program and of torch 1.13. */
#include "support.h"

#include "base/mt19937.h"

/* init_genrand(5489), the default seed; the 10000th number is the one that the C++ standard names
 * for std::mt19937. */
static void known_answers(void **state)
{
    (void)state;
    gr_mt19937 g;
    gr_mt19937_seed(&g, 5489);
    assert_int_equal(gr_mt19937_next(&g), 3499211612u);
    assert_int_equal(gr_mt19937_next(&g), 581869302u);
    for (int i = 2; i < 9999; i++)
        gr_mt19937_next(&g);
    assert_int_equal(gr_mt19937_next(&g), 4123659995u);
}

/* torch.empty(700).uniform_(-1.5, 0.25, generator=torch.Generator().manual_seed(0)), also around
 * number 624, where the state is renewed. */
static void uniform_of_torch(void **state)
{
    (void)state;
    const float first[] = {-0x1.435aa6p-1f, -0x1.3eb16ep-3f, -0x1.585cb4p+0f, -0x1.44d9b0p+0f};
    const float later[] = {-0x1.abef2cp-2f, -0x1.7a8d70p+0f, -0x1.bf8ab4p-1f,
                           -0x1.3894dep+0f, 0x1.23242ep-3f,  -0x1.89fc40p-1f};
    gr_mt19937 g;
    float x[700];
    gr_mt19937_seed(&g, 0);
    gr_torch_uniform(&g, -1.5f, 0.25f, 700, x);
    /* A compiler that fuses the product and the sum leaves out one rounding. */
    for (int i = 0; i < 4; i++)
        assert_float_equal(x[i], first[i], 1.2e-7f);
    for (int i = 0; i < 6; i++)
        assert_float_equal(x[622 + i], later[i], 1.2e-7f);
}

/* torch.randperm(10) of seed 5, and the positions that FourierFT draws for a weight of 768 x 768.
 */
static void randperm_of_torch(void **state)
{
    (void)state;
    enum { COUNT = 3000 };
    static int32_t places[COUNT];
    const int32_t ten[] = {1, 4, 9, 6, 3, 5, 0, 2, 8, 7};
    const int32_t first[] = {391271, 183699, 413551, 384200, 435559, 59955, 374469, 198662};
    const int32_t last[] = {328514, 471873, 50000};
    gr_mt19937 g;
    gr_mt19937_seed(&g, 5);
    assert_true(gr_torch_randperm(&g, 10, 10, places));
    assert_memory_equal(places, ten, sizeof(ten));
    gr_mt19937_seed(&g, 777);
    assert_true(gr_torch_randperm(&g, 768 * 768, COUNT, places));
    assert_memory_equal(places, first, sizeof(first));
    assert_memory_equal(places + COUNT - 3, last, sizeof(last));
}

/* For a single element torch draws nothing. */
static void randperm_of_one(void **state)
{
    (void)state;
    gr_mt19937 a, b;
    int32_t place = 7;
    gr_mt19937_seed(&a, 5);
    gr_mt19937_seed(&b, 5);
    assert_true(gr_torch_randperm(&a, 1, 1, &place));
    assert_int_equal(place, 0);
    assert_int_equal(gr_mt19937_next(&a), gr_mt19937_next(&b));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_answers),
        cmocka_unit_test(uniform_of_torch),
        cmocka_unit_test(randperm_of_torch),
        cmocka_unit_test(randperm_of_one),
    };
    return cmocka_run_group_tests_name("mt19937", tests, NULL, NULL);
}
