#include "import/torch/pickle.h"

#include "base/cursor.h"

#include <string.h>

enum { STACK_FIRST = 64 };

typedef struct machine {
    ink_cursor cursor;
    ink_arena *arena;
    ink_pickle **stack;
    size_t depth, stack_room;
    size_t *marks; /* depths of the stack */
    size_t mark_count, mark_room;
    ink_pickle **memo;
    size_t memo_room, memo_next;
    size_t memory; /* taken from the arena */
    size_t at; /* where the operation under way begins */
    ink_error *error;
} machine;

/* ---- what may be called: the name decides, and nothing is run ---- */

typedef enum call_kind { CALL, DICT, SET, BYTES, OBJECT } call_kind;

static const struct callable {
    const char *name;
    call_kind becomes;
} callables[] = {
    { "torch._utils._rebuild_tensor", CALL },
    { "torch._utils._rebuild_tensor_v2", CALL },
    { "torch._utils._rebuild_tensor_v3", CALL },
    { "torch._utils._rebuild_parameter", CALL },
    { "torch._utils._rebuild_parameter_with_state", CALL },
    { "torch._utils._rebuild_qtensor", CALL }, /* the reader of tensors says that they are quantized */
    { "torch._utils._rebuild_sparse_tensor", CALL },
    { "torch._tensor._rebuild_from_type_v2", CALL },
    { "torch.Size", CALL },
    { "torch.device", CALL },
    { "torch.jit._pickle.build_intlist", CALL },
    { "torch.jit._pickle.build_doublelist", CALL },
    { "torch.jit._pickle.build_boollist", CALL },
    { "torch.jit._pickle.build_tensorlist", CALL },
    { "torch.jit._pickle.restore_type_tag", CALL },
    { "collections.OrderedDict", DICT },
    { "collections.defaultdict", DICT },
    { "collections.Counter", DICT },
    { "builtins.dict", DICT },
    { "__builtin__.dict", DICT },
    { "builtins.set", SET },
    { "__builtin__.set", SET },
    { "builtins.frozenset", SET },
    { "__builtin__.frozenset", SET },
    { "_codecs.encode", BYTES },
    { "copyreg._reconstructor", OBJECT },
    { "copy_reg._reconstructor", OBJECT },
    /* What training loops save beside the weights: numbers and dates. */
    { "numpy.core.multiarray.scalar", CALL },
    { "numpy._core.multiarray.scalar", CALL },
    { "numpy.core.multiarray._reconstruct", CALL },
    { "numpy._core.multiarray._reconstruct", CALL },
    { "numpy.dtype", CALL },
    { "datetime.datetime", CALL },
    { "pathlib.PosixPath", CALL },
    { "pathlib.WindowsPath", CALL },
};

static const struct callable *callable_named(const char *name)
{
    for (size_t i = 0; i < sizeof callables / sizeof *callables; i++)
        if (strcmp(callables[i].name, name) == 0)
            return &callables[i];
    return NULL;
}

/* ---- the machine ---- */

static ink_status no_memory(const machine *m)
{
    return ink_fail(m->error, INK_ERR_MEMORY, "no memory to read a pickle");
}

static ink_status cut(const machine *m)
{
    return ink_fail_at(m->error, INK_ERR_TRUNCATED, m->at, "the pickle ends within an operation");
}

static ink_status malformed(const machine *m, const char *what)
{
    return ink_fail_at(m->error, INK_ERR_FORMAT, m->at, "the pickle is malformed: %s", what);
}

/* Zeroed memory, counted: an operation of a few bytes may copy what is large. */
static ink_status take(machine *m, size_t count, size_t size, void **out)
{
    if (count > (INK_PICKLE_MOST_MEMORY - m->memory) / size)
        return ink_fail_at(m->error, INK_ERR_LIMIT, m->at, "the pickle needs more than %d MiB of memory",
                           INK_PICKLE_MOST_MEMORY >> 20);
    m->memory += count * size;
    *out = ink_arena_array(m->arena, count, size);
    return *out ? INK_OK : no_memory(m);
}

static ink_status value_new(machine *m, ink_pickle_kind kind, ink_pickle **out)
{
    void *value = NULL;
    INK_TRY(take(m, 1, sizeof **out, &value));
    *out = value;
    (*out)->kind = kind;
    return INK_OK;
}

static ink_status copy_text(machine *m, const void *from, size_t length, char **out)
{
    void *text = NULL;
    INK_TRY(take(m, length + 1, 1, &text));
    memcpy(text, from, length);
    *out = text;
    return INK_OK;
}

/* Makes room for `wanted` pointers; arrays double, so what growing leaves behind is no more than they are. */
static ink_status reserve(machine *m, ink_pickle ***items, size_t *room, size_t wanted, size_t first)
{
    if (wanted <= *room)
        return INK_OK;
    size_t more = *room ? *room : first;
    while (more < wanted)
        more *= 2;
    void *new = NULL;
    INK_TRY(take(m, more, sizeof **items, &new));
    if (*room)
        memcpy(new, *items, *room * sizeof **items);
    *items = new;
    *room = more;
    return INK_OK;
}

static ink_status push(machine *m, ink_pickle *value)
{
    INK_TRY(reserve(m, &m->stack, &m->stack_room, m->depth + 1, STACK_FIRST));
    m->stack[m->depth++] = value;
    return INK_OK;
}

static ink_status push_new(machine *m, ink_pickle_kind kind, ink_pickle **out)
{
    INK_TRY(value_new(m, kind, out));
    return push(m, *out);
}

/* How deep the stack may be emptied: to the last mark. */
static size_t floor_of(const machine *m)
{
    return m->mark_count ? m->marks[m->mark_count - 1] : 0;
}

static ink_status pop(machine *m, ink_pickle **out)
{
    if (m->depth <= floor_of(m))
        return malformed(m, "it takes a value from an empty stack");
    *out = m->stack[--m->depth];
    return INK_OK;
}

/* The value on top stays there. */
static ink_status top(machine *m, ink_pickle **out)
{
    INK_TRY(pop(m, out));
    m->depth++;
    return INK_OK;
}

static ink_status append(machine *m, ink_pickle *to, ink_pickle *item)
{
    INK_TRY(reserve(m, &to->items, &to->capacity, to->count + 1, 4));
    to->items[to->count++] = item;
    return INK_OK;
}

static ink_status append_all(machine *m, ink_pickle *to, size_t from)
{
    for (size_t i = from; i < m->depth; i++)
        INK_TRY(append(m, to, m->stack[i]));
    m->depth = from;
    return INK_OK;
}

/* Takes the last mark away; what stands above it begins at `from`. */
static ink_status to_mark(machine *m, size_t *from)
{
    if (!m->mark_count)
        return malformed(m, "it looks for a mark that is not there");
    *from = m->marks[--m->mark_count];
    return INK_OK;
}

static ink_status mark(machine *m)
{
    if (m->mark_count == m->mark_room) {
        const size_t more = m->mark_room ? 2 * m->mark_room : STACK_FIRST;
        void *marks = NULL;
        INK_TRY(take(m, more, sizeof *m->marks, &marks));
        if (m->mark_count)
            memcpy(marks, m->marks, m->mark_count * sizeof *m->marks);
        m->marks = marks;
        m->mark_room = more;
    }
    m->marks[m->mark_count++] = m->depth;
    return INK_OK;
}

static ink_status collect(machine *m, ink_pickle_kind kind, size_t from)
{
    ink_pickle *value = NULL;
    INK_TRY(value_new(m, kind, &value));
    INK_TRY(append_all(m, value, from));
    if (kind == INK_PICKLE_DICT && value->count % 2)
        return malformed(m, "a dict has a key without a value");
    return push(m, value);
}

/* The last `count` values as a tuple. */
static ink_status tuple(machine *m, size_t count)
{
    if (m->depth - floor_of(m) < count)
        return malformed(m, "it takes a value from an empty stack");
    return collect(m, INK_PICKLE_TUPLE, m->depth - count);
}

/* ---- numbers and texts ---- */

static ink_status unsigned_le(machine *m, size_t size, uint64_t *out)
{
    const uint8_t *bytes = ink_cursor_bytes(&m->cursor, size);
    if (!bytes)
        return cut(m);
    *out = 0;
    for (size_t i = 0; i < size; i++)
        *out |= (uint64_t)bytes[i] << 8 * i;
    return INK_OK;
}

static ink_status push_integer(machine *m, ink_pickle_kind kind, uint64_t bits)
{
    ink_pickle *value = NULL;
    INK_TRY(push_new(m, kind, &value));
    memcpy(&value->integer, &bits, sizeof bits);
    return INK_OK;
}

/* Two's complement, little-endian, of any size. What does not fit in 64 bits is a seed or a digest, and not a size:
 * it becomes a float. */
static ink_status push_long(machine *m, uint64_t size)
{
    const uint8_t *bytes = ink_cursor_bytes(&m->cursor, size);
    if (!bytes)
        return cut(m);
    uint64_t bits = size && bytes[size - 1] & 0x80 ? UINT64_MAX : 0;
    if (size <= 8) {
        for (size_t i = 0; i < size; i++)
            bits = (bits & ~(UINT64_C(0xff) << 8 * i)) | (uint64_t)bytes[i] << 8 * i;
        return push_integer(m, INK_PICKLE_INT, bits);
    }
    ink_pickle *value = NULL;
    INK_TRY(push_new(m, INK_PICKLE_FLOAT, &value));
    for (size_t i = (size_t)size; i-- > 0;)
        value->number = value->number * 256 + bytes[i];
    return INK_OK;
}

static ink_status push_double(machine *m)
{
    const uint8_t *bytes = ink_cursor_bytes(&m->cursor, 8);
    if (!bytes)
        return cut(m);
    const uint64_t bits = (uint64_t)ink_load_u32be(bytes) << 32 | ink_load_u32be(bytes + 4);
    ink_pickle *value = NULL;
    INK_TRY(push_new(m, INK_PICKLE_FLOAT, &value));
    memcpy(&value->number, &bits, sizeof bits);
    return INK_OK;
}

static ink_status push_text(machine *m, ink_pickle_kind kind, uint64_t size)
{
    const uint8_t *bytes = ink_cursor_bytes(&m->cursor, size);
    if (!bytes)
        return cut(m);
    ink_pickle *value = NULL;
    INK_TRY(push_new(m, kind, &value));
    char *text = NULL;
    INK_TRY(copy_text(m, bytes, (size_t)size, &text));
    value->text = text;
    value->length = (size_t)size;
    return INK_OK;
}

static ink_status push_sized_text(machine *m, ink_pickle_kind kind, size_t size_bytes)
{
    uint64_t size = 0;
    INK_TRY(unsigned_le(m, size_bytes, &size));
    return push_text(m, kind, size);
}

static ink_status line(machine *m, const char **text, size_t *length)
{
    const uint8_t *from = m->cursor.data + m->cursor.at;
    const uint8_t *end = memchr(from, '\n', ink_cursor_left(&m->cursor));
    if (!end)
        return cut(m);
    *text = (const char *)from;
    *length = (size_t)(end - from);
    m->cursor.at += *length + 1;
    return INK_OK;
}

/* ---- the memo ---- */

static ink_status memo_put(machine *m, uint64_t index)
{
    ink_pickle *value = NULL;
    INK_TRY(top(m, &value));
    if (index >= INK_PICKLE_MOST_MEMORY / sizeof *m->memo)
        return ink_fail_at(m->error, INK_ERR_LIMIT, m->at, "the pickle's memo has a place %llu",
                           (unsigned long long)index);
    INK_TRY(reserve(m, &m->memo, &m->memo_room, (size_t)index + 1, STACK_FIRST));
    m->memo[index] = value;
    m->memo_next = m->memo_next > index ? m->memo_next : (size_t)index + 1;
    return INK_OK;
}

static ink_status memo_get(machine *m, uint64_t index)
{
    if (index >= m->memo_room || !m->memo[index])
        return malformed(m, "it takes from the memo what was never put there");
    return push(m, m->memo[index]);
}

/* ---- globals, calls and objects ---- */

static ink_status push_global(machine *m, const char *module, size_t module_length, const char *name, size_t length)
{
    ink_pickle *value = NULL;
    INK_TRY(push_new(m, INK_PICKLE_GLOBAL, &value));
    void *text = NULL;
    INK_TRY(take(m, module_length + length + 2, 1, &text));
    memcpy(text, module, module_length);
    ((char *)text)[module_length] = '.';
    memcpy((char *)text + module_length + 1, name, length);
    value->text = text;
    value->length = module_length + 1 + length;
    return INK_OK;
}

static ink_status global_lines(machine *m)
{
    const char *module = NULL, *name = NULL;
    size_t module_length = 0, length = 0;
    INK_TRY(line(m, &module, &module_length));
    INK_TRY(line(m, &name, &length));
    return push_global(m, module, module_length, name, length);
}

static ink_status global_stack(machine *m)
{
    ink_pickle *name = NULL, *module = NULL;
    INK_TRY(pop(m, &name));
    INK_TRY(pop(m, &module));
    if (name->kind != INK_PICKLE_TEXT || module->kind != INK_PICKLE_TEXT)
        return malformed(m, "the name of a global is no text");
    return push_global(m, module->text, module->length, name->text, name->length);
}

/* PyTorch before 1.6 names the class of a module by what is outside: ("module", class, file, source). */
static ink_pickle *class_of(ink_pickle *function)
{
    if (function->kind != INK_PICKLE_PERSISTENT || function->items[0]->kind != INK_PICKLE_TUPLE)
        return function;
    const ink_pickle *id = function->items[0];
    const bool module = id->count >= 2 && id->items[0]->kind == INK_PICKLE_TEXT &&
                        strcmp(id->items[0]->text, "module") == 0;
    return module ? id->items[1] : function;
}

/* A class or function with its arguments, a tuple. */
static ink_status take_call(machine *m, ink_pickle **function, ink_pickle **arguments)
{
    INK_TRY(pop(m, arguments));
    INK_TRY(pop(m, function));
    if ((*arguments)->kind != INK_PICKLE_TUPLE)
        return malformed(m, "the arguments of a call are no tuple");
    *function = class_of(*function);
    if ((*function)->kind != INK_PICKLE_GLOBAL)
        return malformed(m, "what is called is no global");
    return INK_OK;
}

static ink_status push_named(machine *m, ink_pickle_kind kind, const ink_pickle *name, ink_pickle *arguments)
{
    ink_pickle *value = NULL;
    INK_TRY(push_new(m, kind, &value));
    value->text = name->text;
    value->length = name->length;
    return append(m, value, arguments);
}

/* A dict or set from an iterable: pairs, or elements. */
static ink_status push_collection(machine *m, ink_pickle_kind kind, const ink_pickle *arguments)
{
    ink_pickle *value = NULL;
    INK_TRY(push_new(m, kind, &value));
    for (size_t a = 0; a < arguments->count; a++) {
        const ink_pickle *from = arguments->items[a];
        const bool pairs = from->kind == INK_PICKLE_LIST || from->kind == INK_PICKLE_TUPLE;
        for (size_t i = 0; (pairs || from->kind == kind) && i < from->count; i++) {
            ink_pickle *item = from->items[i];
            if (kind == INK_PICKLE_SET || from->kind == kind) {
                INK_TRY(append(m, value, item));
            } else {
                if ((item->kind != INK_PICKLE_LIST && item->kind != INK_PICKLE_TUPLE) || item->count != 2)
                    return malformed(m, "a dict is made of what are no pairs");
                INK_TRY(append(m, value, item->items[0]));
                INK_TRY(append(m, value, item->items[1]));
            }
        }
    }
    return INK_OK;
}

/* Python 2's bytes as protocol 2 has them: _codecs.encode(text, "latin1"), each character a byte. */
static ink_status push_latin1(machine *m, const ink_pickle *arguments)
{
    if (!arguments->count || arguments->items[0]->kind != INK_PICKLE_TEXT)
        return malformed(m, "_codecs.encode is given no text");
    const ink_pickle *from = arguments->items[0];
    ink_pickle *value = NULL;
    INK_TRY(push_new(m, INK_PICKLE_BYTES, &value));
    char *text = NULL;
    INK_TRY(copy_text(m, from->text, from->length, &text));
    for (size_t i = 0; i < from->length; i++) {
        const uint8_t c = (uint8_t)from->text[i], next = (uint8_t)from->text[i + 1];
        const bool two = (c == 0xc2 || c == 0xc3) && i + 1 < from->length && (next & 0xc0) == 0x80;
        text[value->length++] = (char)(two ? (uint8_t)(c << 6) | (next & 0x3f) : c);
        i += two;
    }
    text[value->length] = 0;
    value->text = text;
    return INK_OK;
}

static ink_status reduce(machine *m)
{
    ink_pickle *function = NULL, *arguments = NULL;
    INK_TRY(take_call(m, &function, &arguments));
    const struct callable *known = callable_named(function->text);
    if (!known)
        return ink_fail_at(m->error, INK_ERR_OP, m->at,
                           "the pickle would call %s, which no tensor needs; nothing was run", function->text);
    switch (known->becomes) {
    case DICT: return push_collection(m, INK_PICKLE_DICT, arguments);
    case SET: return push_collection(m, INK_PICKLE_SET, arguments);
    case BYTES: return push_latin1(m, arguments);
    case OBJECT: { /* the class is the first argument */
        const ink_pickle *class = arguments->count ? class_of(arguments->items[0]) : arguments;
        if (class->kind != INK_PICKLE_GLOBAL)
            return malformed(m, "an object has no class");
        return push_named(m, INK_PICKLE_OBJECT, class, arguments);
    }
    case CALL: break;
    }
    return push_named(m, INK_PICKLE_CALL, function, arguments);
}

static ink_status new_object(machine *m, bool with_keywords)
{
    ink_pickle *class = NULL, *arguments = NULL, *keywords = NULL;
    if (with_keywords)
        INK_TRY(pop(m, &keywords));
    INK_TRY(take_call(m, &class, &arguments));
    const struct callable *known = callable_named(class->text);
    if (known && known->becomes == DICT)
        return push_collection(m, INK_PICKLE_DICT, arguments);
    return push_named(m, INK_PICKLE_OBJECT, class, arguments);
}

/* Gives an object its attributes. A dict that has some, as an OrderedDict with metadata may, loses them. */
static ink_status build(machine *m)
{
    ink_pickle *state = NULL, *value = NULL;
    INK_TRY(pop(m, &state));
    INK_TRY(top(m, &value));
    if (value->kind == INK_PICKLE_OBJECT || value->kind == INK_PICKLE_CALL)
        value->state = state;
    else if (value->kind != INK_PICKLE_DICT && value->kind != INK_PICKLE_SET)
        return malformed(m, "attributes are given to what has none");
    return INK_OK;
}

/* Items from `from` on go to the collection below them. An object that is a list or dict itself keeps them out of
 * sight: they are no attributes. */
static ink_status extend(machine *m, ink_pickle_kind kind, size_t from)
{
    if (from <= floor_of(m))
        return malformed(m, "it takes a value from an empty stack");
    ink_pickle *to = m->stack[from - 1];
    if (kind == INK_PICKLE_DICT && (m->depth - from) % 2)
        return malformed(m, "a dict has a key without a value");
    if (to->kind == kind)
        return append_all(m, to, from);
    if (to->kind != INK_PICKLE_OBJECT && to->kind != INK_PICKLE_CALL)
        return malformed(m, "items are given to what has none");
    m->depth = from;
    return INK_OK;
}

static ink_status persistent(machine *m)
{
    ink_pickle *id = NULL, *value = NULL;
    INK_TRY(pop(m, &id));
    INK_TRY(push_new(m, INK_PICKLE_PERSISTENT, &value));
    return append(m, value, id);
}

/* ---- operations, by their letters in Python's pickletools ---- */

static const char *refused_name(uint8_t operation)
{
    static const struct {
        uint8_t operation;
        const char *name;
    } names[] = { { 'i', "INST" }, { 'o', "OBJ" }, { 'P', "PERSID" }, { 'F', "FLOAT" }, { 'L', "LONG" },
                  { 'S', "STRING" }, { 'V', "UNICODE" }, { 'p', "PUT" }, { 'g', "GET" },
                  { 0x82, "EXT1" }, { 0x83, "EXT2" }, { 0x84, "EXT4" }, { 0x96, "BYTEARRAY8" },
                  { 0x97, "NEXT_BUFFER" }, { 0x98, "READONLY_BUFFER" } };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (names[i].operation == operation)
            return names[i].name;
    return NULL;
}

static ink_status refused(const machine *m, uint8_t operation)
{
    const char *name = refused_name(operation);
    if (!name)
        return ink_fail_at(m->error, INK_ERR_FORMAT, m->at, "byte 0x%02x is no operation of a pickle", operation);
    return ink_fail_at(m->error, INK_ERR_OP, m->at, "the pickle has the operation %s, which no tensor needs", name);
}

static ink_status with_size(machine *m, size_t size_bytes, ink_status (*then)(machine *, uint64_t))
{
    uint64_t value = 0;
    INK_TRY(unsigned_le(m, size_bytes, &value));
    return then(m, value);
}

static ink_status marked(machine *m, ink_pickle_kind kind, ink_status (*then)(machine *, ink_pickle_kind, size_t))
{
    size_t from = 0;
    INK_TRY(to_mark(m, &from));
    return then(m, kind, from);
}

static ink_status small_int(machine *m, size_t size)
{
    uint64_t bits = 0;
    INK_TRY(unsigned_le(m, size, &bits));
    if (size == 4 && bits >> 31) /* BININT alone is signed */
        bits |= UINT64_C(0xffffffff) << 32;
    return push_integer(m, INK_PICKLE_INT, bits);
}

static ink_status empty(machine *m, ink_pickle_kind kind)
{
    ink_pickle *value = NULL;
    return push_new(m, kind, &value);
}

static ink_status discard(machine *m)
{
    ink_pickle *value = NULL;
    return pop(m, &value);
}

static ink_status duplicate(machine *m)
{
    ink_pickle *value = NULL;
    INK_TRY(top(m, &value));
    return push(m, value);
}

static ink_status skip(machine *m, size_t size)
{
    return ink_cursor_bytes(&m->cursor, size) ? INK_OK : cut(m);
}

static ink_status drop_to_mark(machine *m)
{
    size_t from = 0;
    INK_TRY(to_mark(m, &from));
    m->depth = from;
    return INK_OK;
}

/* Protocol 0 writes True and False as I01 and I00; whole numbers otherwise. */
static ink_status text_int(machine *m)
{
    const char *text = NULL;
    size_t length = 0;
    INK_TRY(line(m, &text, &length));
    const bool negative = length && *text == '-';
    uint64_t value = 0;
    if (length == (size_t)negative || length > 18)
        return malformed(m, "a number in letters is empty or too long");
    for (size_t i = negative; i < length; i++) {
        if (text[i] < '0' || text[i] > '9')
            return malformed(m, "a number in letters has something else in it");
        value = value * 10 + (uint64_t)(text[i] - '0');
    }
    const bool truth = length == 2 && text[0] == '0' && (text[1] == '0' || text[1] == '1');
    return push_integer(m, truth ? INK_PICKLE_BOOL : INK_PICKLE_INT, negative ? 0 - value : value);
}

static ink_status run(machine *m, uint8_t operation)
{
    switch (operation) {
    case 0x80: return skip(m, 1); /* PROTO */
    case 0x95: return skip(m, 8); /* FRAME */
    case '(': return mark(m);
    case '0': return discard(m);
    case '1': return drop_to_mark(m);
    case '2': return duplicate(m);
    case 'N': return empty(m, INK_PICKLE_NONE);
    case 0x88: return push_integer(m, INK_PICKLE_BOOL, 1);
    case 0x89: return push_integer(m, INK_PICKLE_BOOL, 0);
    case 'I': return text_int(m);
    case 'J': return small_int(m, 4);
    case 'K': return small_int(m, 1);
    case 'M': return small_int(m, 2);
    case 0x8a: return with_size(m, 1, push_long);
    case 0x8b: return with_size(m, 4, push_long);
    case 'G': return push_double(m);
    case 'X': return push_sized_text(m, INK_PICKLE_TEXT, 4);
    case 0x8c: return push_sized_text(m, INK_PICKLE_TEXT, 1);
    case 0x8d: return push_sized_text(m, INK_PICKLE_TEXT, 8);
    case 'T': return push_sized_text(m, INK_PICKLE_TEXT, 4); /* Python 2's str: names, for the most part */
    case 'U': return push_sized_text(m, INK_PICKLE_TEXT, 1);
    case 'B': return push_sized_text(m, INK_PICKLE_BYTES, 4);
    case 'C': return push_sized_text(m, INK_PICKLE_BYTES, 1);
    case 0x8e: return push_sized_text(m, INK_PICKLE_BYTES, 8);
    case ')': return empty(m, INK_PICKLE_TUPLE);
    case 't': return marked(m, INK_PICKLE_TUPLE, collect);
    case 0x85: return tuple(m, 1);
    case 0x86: return tuple(m, 2);
    case 0x87: return tuple(m, 3);
    case ']': return empty(m, INK_PICKLE_LIST);
    case 'l': return marked(m, INK_PICKLE_LIST, collect);
    case 'a': return m->depth ? extend(m, INK_PICKLE_LIST, m->depth - 1) : malformed(m, "it appends nothing");
    case 'e': return marked(m, INK_PICKLE_LIST, extend);
    case '}': return empty(m, INK_PICKLE_DICT);
    case 'd': return marked(m, INK_PICKLE_DICT, collect);
    case 's': return m->depth > 1 ? extend(m, INK_PICKLE_DICT, m->depth - 2) : malformed(m, "it sets nothing");
    case 'u': return marked(m, INK_PICKLE_DICT, extend);
    case 0x8f: return empty(m, INK_PICKLE_SET);
    case 0x90: return marked(m, INK_PICKLE_SET, extend);
    case 0x91: return marked(m, INK_PICKLE_SET, collect);
    case 'c': return global_lines(m);
    case 0x93: return global_stack(m);
    case 'R': return reduce(m);
    case 0x81: return new_object(m, false);
    case 0x92: return new_object(m, true);
    case 'b': return build(m);
    case 'Q': return persistent(m);
    case 'q': return with_size(m, 1, memo_put);
    case 'r': return with_size(m, 4, memo_put);
    case 0x94: return memo_put(m, m->memo_next);
    case 'h': return with_size(m, 1, memo_get);
    case 'j': return with_size(m, 4, memo_get);
    default: return refused(m, operation);
    }
}

ink_status ink_pickle_parse(const uint8_t *data, size_t size, ink_arena *arena, const ink_pickle **out, size_t *used,
                            ink_error *error)
{
    machine m = { .cursor = { data, size, 0 }, .arena = arena, .error = error };
    for (;;) {
        m.at = m.cursor.at;
        const uint8_t *operation = ink_cursor_bytes(&m.cursor, 1);
        if (!operation)
            return ink_fail_at(error, INK_ERR_TRUNCATED, m.at, "the pickle has no end");
        if (*operation == '.')
            break;
        INK_TRY(run(&m, *operation));
    }
    ink_pickle *value = NULL;
    INK_TRY(pop(&m, &value));
    if (m.depth || m.mark_count)
        return malformed(&m, "values are left over at its end");
    *out = value;
    *used = m.cursor.at;
    return INK_OK;
}

const ink_pickle *ink_pickle_get(const ink_pickle *dict, const char *key)
{
    if (!dict || dict->kind != INK_PICKLE_DICT)
        return NULL;
    for (size_t i = dict->count; i >= 2; i -= 2) {
        const ink_pickle *at = dict->items[i - 2];
        if (at->kind == INK_PICKLE_TEXT && at->length == strlen(key) && memcmp(at->text, key, at->length) == 0)
            return dict->items[i - 1];
    }
    return NULL;
}

bool ink_pickle_calls(const ink_pickle *value, const char *function, size_t arguments)
{
    return value && value->kind == INK_PICKLE_CALL && strcmp(value->text, function) == 0 &&
           value->items[0]->count >= arguments;
}
