#include "import/weights.h"

#include "base/cursor.h"
#include "tensor/type.h"

size_t ink_element_bytes(ink_element element)
{
    static const uint8_t bytes[] = {
        [INK_ELEMENT_F32] = 4, [INK_ELEMENT_F64] = 8, [INK_ELEMENT_F16] = 2, [INK_ELEMENT_BF16] = 2,
        [INK_ELEMENT_I64] = 8, [INK_ELEMENT_I32] = 4, [INK_ELEMENT_I16] = 2, [INK_ELEMENT_I8] = 1,
        [INK_ELEMENT_U8] = 1,  [INK_ELEMENT_BOOL] = 1,
    };
    return bytes[element];
}

static float plain(ink_type type, const uint8_t *data)
{
    float value;
    ink_type_to_f32(type, data, 1, &value);
    return value;
}

static double bits_to_double(uint64_t bits)
{
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

float ink_element_get(ink_element element, const uint8_t *data, uint64_t at)
{
    const uint8_t *p = data + at * ink_element_bytes(element);
    switch (element) {
    case INK_ELEMENT_F32: return plain(INK_F32, p);
    case INK_ELEMENT_F64: return (float)bits_to_double(ink_load_u64le(p));
    case INK_ELEMENT_F16: return plain(INK_F16, p);
    case INK_ELEMENT_BF16: return plain(INK_F32, (const uint8_t[]){ 0, 0, p[0], p[1] });
    case INK_ELEMENT_I64: return (float)(int64_t)ink_load_u64le(p);
    case INK_ELEMENT_I32: return (float)(int32_t)ink_load_u32le(p);
    case INK_ELEMENT_I16: return (float)(int16_t)(p[0] | p[1] << 8);
    case INK_ELEMENT_I8: return (float)(int8_t)*p;
    case INK_ELEMENT_U8: return (float)*p;
    case INK_ELEMENT_BOOL: return *p != 0;
    }
    return 0;
}
