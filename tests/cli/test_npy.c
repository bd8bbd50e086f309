/* .npy files, good and bad. */
#include "check.h"

#include "convert/npy.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static size_t make(uint8_t *file, int version, const char *header, const void *data, size_t bytes)
{
    const size_t length = strlen(header), begin = version > 1 ? 12 : 10;
    memcpy(file, "\x93NUMPY", 6);
    file[6] = (uint8_t)version;
    file[7] = 0;
    file[8] = (uint8_t)length;
    file[9] = (uint8_t)(length >> 8);
    file[10] = file[11] = 0;
    memcpy(file + begin, header, length);
    memcpy(file + begin + length, data, bytes);
    return begin + length + bytes;
}

static void numbers_are_read(void **state)
{
    static const float small[6] = { 0.5f, -1, 2, 3e-9f, 4, 5 };
    static const double large[6] = { 0.5, -1, 2, 3e-9, 4, 5 };
    uint8_t file[300];
    (void)state;
    for (int version = 1; version <= 3; version++)
        for (int wide = 0; wide < 2; wide++) {
            char header[100];
            npy found;
            snprintf(header, sizeof header, "{'descr': '<f%d', 'fortran_order': False, 'shape': (2, 3), }   \n",
                     wide ? 8 : 4);
            const size_t size = make(file, version, header, wide ? (const void *)large : small,
                                     wide ? sizeof large : sizeof small);
            assert_int_equal(npy_parse("r.npy", file, size, &found), 0);
            assert_int_equal(found.rows, 2);
            assert_int_equal(found.columns, 3);
            assert_memory_equal(found.values, small, sizeof small);
            free(found.values);
            for (size_t cut = 0; cut < size; cut++) {
                fence bytes = fence_make(file, cut);
                assert_int_equal(npy_parse("r.npy", bytes.data, cut, &found), 1);
                fence_free(&bytes);
            }
        }
}

static void others_are_refused(void **state)
{
    static const char *const headers[] = {
        "{'descr': '<i4', 'fortran_order': False, 'shape': (2, 3), }",
        "{'descr': '>f4', 'fortran_order': False, 'shape': (2, 3), }",
        "{'descr': '<f4', 'fortran_order': True, 'shape': (2, 3), }",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (6,), }",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (1, 2, 3), }",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 0), }",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 4), }",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (4294967296, 4294967296), }",
        "{'descr': '<f4', 'fortran_order': False, }",
        "{}",
        "",
    };
    static const float data[6] = { 0 };
    uint8_t file[300];
    npy found;
    (void)state;
    for (size_t i = 0; i < sizeof headers / sizeof *headers; i++)
        if (npy_parse("r.npy", file, make(file, 1, headers[i], data, sizeof data), &found) != 1)
            fail_msg("%s: is taken", headers[i]);
    assert_int_equal(npy_parse("r.npy", file, make(file, 4, headers[0], data, sizeof data), &found), 1);
    assert_int_equal(npy_parse("r.npy", (const uint8_t *)"PK\3\4", 4, &found), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_are_read),
        cmocka_unit_test(others_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
