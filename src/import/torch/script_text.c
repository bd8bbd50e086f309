#include "import/torch/script_text.h"

#include "base/number.h"

#include <ctype.h>
#include <math.h>
#include <string.h>

typedef enum token_kind { END, NEWLINE, NAME, WHOLE, REAL, TEXT, SIGN } token_kind;

typedef struct parser {
    const char *text, *at, *end; /* a NUL stands behind the end */
    const char *file;
    uint32_t line;
    uint32_t brackets; /* open ones: newlines within mean nothing */
    size_t indent;     /* of the line that the token is in */
    int depth;
    token_kind token;
    char sign;          /* one letter; '>' stands for -> */
    const char *word;   /* NAME, TEXT: in the arena */
    double number;
    int64_t integer;
    ink_arena *arena;
    ink_script *script;
    ink_error *error;
} parser;

uint32_t ink_script_hash(const char *name)
{
    uint32_t hash = UINT32_C(2166136261);
    for (; *name; name++)
        hash = (hash ^ (uint8_t)*name) * UINT32_C(16777619);
    return hash;
}

static ink_status no_memory(const parser *p)
{
    return ink_fail(p->error, INK_ERR_MEMORY, "no memory to read its code");
}

static ink_status malformed(const parser *p, const char *wanted)
{
    static const char *const names[] = { "the end", "the end of the line", "", "a number", "a number", "a string" };
    if (p->token == NAME || p->token == SIGN)
        return ink_fail(p->error, INK_ERR_FORMAT, "%s:%lu: found '%.40s', wanted %s", p->file, (unsigned long)p->line,
                        p->token == NAME ? p->word : (const char[]){ p->sign, 0 }, wanted);
    return ink_fail(p->error, INK_ERR_FORMAT, "%s:%lu: found %s, wanted %s", p->file, (unsigned long)p->line,
                    names[p->token], wanted);
}

/* ---- tokens ---- */

/* Blank lines, remarks and, within brackets, ends of lines. True at the end of a line that had something. */
static bool skip_blanks(parser *p)
{
    for (;;) {
        while (p->at < p->end && (*p->at == ' ' || *p->at == '\t' || *p->at == '\r'))
            p->at++;
        if (p->at < p->end && *p->at == '#')
            while (p->at < p->end && *p->at != '\n')
                p->at++;
        if (p->at >= p->end || *p->at != '\n')
            return false;
        if (!p->brackets)
            return true;
        p->at++;
        p->line++;
    }
}

static ink_status read_number(parser *p)
{
    const char *from = p->at;
    bool whole = true;
    for (const char *c = from; isdigit((unsigned char)*c) || strchr(".eE", *c); c++) {
        if (!*c)
            break;
        whole = whole && isdigit((unsigned char)*c);
        if ((*c == 'e' || *c == 'E') && (c[1] == '-' || c[1] == '+'))
            c++;
    }
    if (!ink_number_parse(&p->at, &p->number))
        return malformed(p, "a number");
    p->token = whole ? WHOLE : REAL;
    p->integer = !whole ? 0 : p->number >= 9e18 ? INT64_MAX : 0; /* the largest: no limit, in slices */
    for (; whole && p->integer != INT64_MAX && from < p->at; from++)
        p->integer = p->integer * 10 + (*from - '0');
    return INK_OK;
}

/* Of what a backslash may stand before, only messages to people have more than these. */
static ink_status read_text(parser *p)
{
    const char quote = *p->at++;
    const char *from = p->at;
    while (p->at < p->end && *p->at != quote && *p->at != '\n')
        p->at += *p->at == '\\' && p->at + 1 < p->end ? 2 : 1;
    if (p->at >= p->end || *p->at != quote) {
        p->token = NEWLINE;
        return malformed(p, "the end of a string");
    }
    p->word = ink_arena_string(p->arena, from, (size_t)(p->at - from));
    p->at++;
    p->token = TEXT;
    return p->word ? INK_OK : no_memory(p);
}

static ink_status read_word(parser *p)
{
    const char *from = p->at;
    while (p->at < p->end && (isalnum((unsigned char)*p->at) || *p->at == '_'))
        p->at++;
    p->word = ink_arena_string(p->arena, from, (size_t)(p->at - from));
    p->token = NAME;
    return p->word ? INK_OK : no_memory(p);
}

static ink_status next(parser *p)
{
    const bool first = p->token == NEWLINE;
    if (first) { /* empty lines have no indent */
        for (;;) {
            const char *start = p->at;
            if (!skip_blanks(p)) {
                p->indent = (size_t)(p->at - start);
                break;
            }
            p->at++;
            p->line++;
        }
    } else if (skip_blanks(p)) {
        p->token = NEWLINE; /* it is passed with what follows it, so that errors name this line */
        return INK_OK;
    }
    if (p->at >= p->end) {
        p->indent = 0;
        p->token = first || p->brackets ? END : NEWLINE;
        return INK_OK;
    }
    const char c = *p->at;
    if (isalpha((unsigned char)c) || c == '_')
        return read_word(p);
    if (isdigit((unsigned char)c) || (c == '.' && isdigit((unsigned char)p->at[1])))
        return read_number(p);
    if (c == '"' || c == '\'')
        return read_text(p);
    p->token = SIGN;
    p->sign = isprint((unsigned char)c) ? c : '?';
    p->at++;
    if (c == '-' && p->at < p->end && *p->at == '>') {
        p->sign = '>';
        p->at++;
    }
    return INK_OK;
}

static bool is_sign(const parser *p, char sign)
{
    return p->token == SIGN && p->sign == sign;
}

static bool is_word(const parser *p, const char *word)
{
    return p->token == NAME && strcmp(p->word, word) == 0;
}

static ink_status expect(parser *p, char sign)
{
    return is_sign(p, sign) ? next(p) : malformed(p, (const char[]){ '\'', sign, '\'', 0 });
}

static ink_status expect_name(parser *p, const char **name)
{
    if (p->token != NAME)
        return malformed(p, "a name");
    *name = p->word;
    return next(p);
}

/* ---- trees ---- */

static ink_status new_tree(parser *p, ink_script_kind kind, ink_script_tree **out)
{
    *out = ink_arena_array(p->arena, 1, sizeof **out);
    if (!*out)
        return no_memory(p);
    **out = (ink_script_tree){ .kind = kind, .line = p->line, .text = "" };
    return INK_OK;
}

static ink_status add_item(parser *p, ink_script_tree *to, ink_script_tree *item, const char *keyword)
{
    ink_script_tree **items = ink_arena_grow(p->arena, to->items, to->count, sizeof *items, &to->item_room);
    if (!items)
        return no_memory(p);
    to->items = items;
    if (to->kind == INK_SCRIPT_CALL) {
        const char **keywords = ink_arena_grow(p->arena, to->keywords, to->count, sizeof *keywords,
                                               &to->keyword_room);
        if (!keywords)
            return no_memory(p);
        to->keywords = keywords;
        to->keywords[to->count] = keyword;
    }
    to->items[to->count++] = item;
    return INK_OK;
}

static ink_status parse_tree(parser *p, ink_script_tree **out);

/* Items up to the bracket that closes them, a comma behind each or all but the last. */
static ink_status parse_items(parser *p, char close, ink_script_tree *to, bool *comma)
{
    p->brackets++;
    INK_TRY(next(p));
    *comma = false;
    while (!is_sign(p, close)) {
        const char *keyword = NULL;
        ink_script_tree *item;
        INK_TRY(parse_tree(p, &item));
        if (to->kind == INK_SCRIPT_CALL && is_sign(p, '=') && item->kind == INK_SCRIPT_NAME) {
            keyword = item->text;
            INK_TRY(next(p));
            INK_TRY(parse_tree(p, &item));
        }
        INK_TRY(add_item(p, to, item, keyword));
        if (to->kind == INK_SCRIPT_DICT) {
            INK_TRY(expect(p, ':'));
            INK_TRY(parse_tree(p, &item));
            INK_TRY(add_item(p, to, item, NULL));
        }
        *comma = is_sign(p, ',');
        if (*comma)
            INK_TRY(next(p));
        else if (!is_sign(p, close))
            return malformed(p, "',' or a bracket");
    }
    p->brackets--;
    return next(p);
}

static ink_status parse_bracket(parser *p, ink_script_tree **out)
{
    const char close = p->sign == '(' ? ')' : p->sign == '[' ? ']' : '}';
    bool comma;
    INK_TRY(new_tree(p, p->sign == '{' ? INK_SCRIPT_DICT : INK_SCRIPT_LIST, out));
    INK_TRY(parse_items(p, close, *out, &comma));
    if (close == ')' && (*out)->count == 1 && !comma)
        *out = (*out)->items[0];
    return INK_OK;
}

static ink_status parse_number(parser *p, bool minus, ink_script_tree **out)
{
    if (p->token == NAME && (is_word(p, "inf") || is_word(p, "nan"))) {
        p->number = is_word(p, "inf") ? HUGE_VAL : NAN;
        p->token = REAL;
    }
    if (p->token != WHOLE && p->token != REAL)
        return malformed(p, "a number");
    INK_TRY(new_tree(p, p->token == WHOLE ? INK_SCRIPT_INT : INK_SCRIPT_FLOAT, out));
    (*out)->integer = minus ? -p->integer : p->integer;
    (*out)->number = minus ? -p->number : p->number;
    return next(p);
}

static ink_status parse_name(parser *p, ink_script_tree **out)
{
    const bool truth = is_word(p, "True");
    if (is_word(p, "inf") || is_word(p, "nan"))
        return parse_number(p, false, out);
    INK_TRY(new_tree(p, is_word(p, "None")             ? INK_SCRIPT_NONE
                        : truth || is_word(p, "False") ? INK_SCRIPT_BOOL
                                                       : INK_SCRIPT_NAME,
                     out));
    (*out)->integer = truth;
    if ((*out)->kind == INK_SCRIPT_NAME)
        (*out)->text = p->word;
    (*out)->hash = ink_script_hash(p->word);
    return next(p);
}

static ink_status parse_first(parser *p, ink_script_tree **out)
{
    if (is_sign(p, '-')) {
        INK_TRY(next(p));
        return parse_number(p, true, out);
    }
    if (p->token == WHOLE || p->token == REAL)
        return parse_number(p, false, out);
    if (p->token == NAME)
        return parse_name(p, out);
    if (p->token == TEXT) {
        INK_TRY(new_tree(p, INK_SCRIPT_TEXT, out));
        (*out)->text = p->word;
        return next(p);
    }
    if (is_sign(p, '(') || is_sign(p, '[') || is_sign(p, '{'))
        return parse_bracket(p, out);
    return malformed(p, "a value");
}

static ink_status wrap(parser *p, ink_script_kind kind, ink_script_tree **tree)
{
    ink_script_tree *outer;
    INK_TRY(new_tree(p, kind, &outer));
    INK_TRY(add_item(p, outer, *tree, NULL));
    *tree = outer;
    return INK_OK;
}

/* A value with what stands behind it: .name, (...), [...]. Chains of these are as deep as nested brackets, for who
 * walks through the tree. */
static ink_status parse_tree(parser *p, ink_script_tree **out)
{
    const int before = p->depth;
    bool comma;
    if (++p->depth > INK_SCRIPT_DEPTH)
        return ink_fail(p->error, INK_ERR_LIMIT, "%s:%lu: values are nested too deep", p->file,
                        (unsigned long)p->line);
    INK_TRY(parse_first(p, out));
    while (is_sign(p, '.') || is_sign(p, '(') || is_sign(p, '[')) {
        if (++p->depth > INK_SCRIPT_DEPTH)
            return ink_fail(p->error, INK_ERR_LIMIT, "%s:%lu: values are nested too deep", p->file,
                            (unsigned long)p->line);
        if (is_sign(p, '.')) {
            INK_TRY(next(p));
            INK_TRY(wrap(p, INK_SCRIPT_ATTRIBUTE, out));
            INK_TRY(expect_name(p, &(*out)->text));
        } else if (is_sign(p, '(')) {
            INK_TRY(wrap(p, INK_SCRIPT_CALL, out));
            INK_TRY(parse_items(p, ')', *out, &comma));
        } else {
            INK_TRY(wrap(p, INK_SCRIPT_INDEX, out));
            INK_TRY(parse_items(p, ']', *out, &comma));
        }
    }
    p->depth = before;
    return INK_OK;
}

/* ---- statements ---- */

static ink_status end_of_line(parser *p)
{
    return p->token == NEWLINE ? next(p) : malformed(p, "the end of the line");
}

static ink_status parse_block(parser *p, size_t outer, ink_script_block *block);

static ink_status add_target(parser *p, ink_script_line *line, const ink_script_tree *target)
{
    if (target->kind != INK_SCRIPT_NAME)
        return ink_fail(p->error, INK_ERR_OP, "%s:%lu: assigns to what is no local name", p->file,
                        (unsigned long)line->line);
    const ink_script_tree **targets = ink_arena_grow(p->arena, line->targets, line->target_count, sizeof *targets,
                                                     &line->target_room);
    if (!targets)
        return no_memory(p);
    line->targets = targets;
    line->targets[line->target_count++] = target;
    return INK_OK;
}

/* value; name = value; name : TYPE = value; a, b = value; a, = value */
static ink_status parse_plain(parser *p, ink_script_line *line)
{
    ink_script_tree *tree, *list;
    INK_TRY(new_tree(p, INK_SCRIPT_LIST, &list));
    INK_TRY(parse_tree(p, &tree));
    INK_TRY(add_item(p, list, tree, NULL));
    while (is_sign(p, ',')) {
        line->unpacks = true;
        INK_TRY(next(p));
        if (is_sign(p, '=') || p->token == NEWLINE)
            break;
        INK_TRY(parse_tree(p, &tree));
        INK_TRY(add_item(p, list, tree, NULL));
    }
    if (is_sign(p, ':')) {
        INK_TRY(next(p));
        INK_TRY(parse_tree(p, &tree));
    }
    line->value = line->unpacks ? list : list->items[0];
    if (!is_sign(p, '='))
        return end_of_line(p);
    line->step = INK_SCRIPT_ASSIGN;
    const bool tuple = list->count == 1 && list->items[0]->kind == INK_SCRIPT_LIST;
    const ink_script_tree *targets = tuple ? list->items[0] : list;
    line->unpacks = line->unpacks || tuple;
    for (size_t i = 0; i < targets->count; i++)
        INK_TRY(add_target(p, line, targets->items[i]));
    INK_TRY(next(p));
    INK_TRY(parse_tree(p, &tree));
    line->value = tree;
    return end_of_line(p);
}

static ink_status parse_return(parser *p, ink_script_line *line)
{
    ink_script_line plain = { .step = INK_SCRIPT_VALUE, .line = line->line };
    line->step = INK_SCRIPT_RETURN;
    INK_TRY(next(p));
    if (p->token == NEWLINE)
        return next(p);
    INK_TRY(parse_plain(p, &plain));
    line->value = plain.value;
    return plain.step == INK_SCRIPT_VALUE ? INK_OK : malformed(p, "a value behind 'return'");
}

static ink_status parse_suite(parser *p, size_t indent, ink_script_block *block)
{
    INK_TRY(expect(p, ':'));
    INK_TRY(end_of_line(p));
    return parse_block(p, indent, block);
}

static ink_status parse_if(parser *p, size_t indent, ink_script_line *line)
{
    ink_script_tree *tree;
    line->step = INK_SCRIPT_IF;
    INK_TRY(next(p));
    INK_TRY(parse_tree(p, &tree));
    line->value = tree;
    INK_TRY(parse_suite(p, indent, &line->body));
    if (!is_word(p, "else") || p->indent != indent)
        return INK_OK;
    INK_TRY(next(p));
    return parse_suite(p, indent, &line->other);
}

static ink_status parse_for(parser *p, size_t indent, ink_script_line *line)
{
    ink_script_tree *tree;
    line->step = INK_SCRIPT_FOR;
    INK_TRY(next(p));
    INK_TRY(parse_tree(p, &tree));
    INK_TRY(add_target(p, line, tree));
    if (!is_word(p, "in"))
        return malformed(p, "'in'");
    INK_TRY(next(p));
    INK_TRY(parse_tree(p, &tree));
    line->value = tree;
    return parse_suite(p, indent, &line->body);
}

static ink_status parse_line(parser *p, ink_script_block *block)
{
    static const char *const unknown[] = { "while", "with", "del", "assert", "raise", "def", "class", "lambda",
                                           "import", "break", "continue", "elif", "try", "global" };
    const size_t indent = p->indent;
    if (is_word(p, "pass")) {
        INK_TRY(next(p));
        return end_of_line(p);
    }
    for (size_t i = 0; i < sizeof unknown / sizeof *unknown; i++)
        if (is_word(p, unknown[i]))
            return ink_fail(p->error, INK_ERR_OP, "%s:%lu: the statement '%s' is not supported", p->file,
                            (unsigned long)p->line, unknown[i]);
    ink_script_line *lines = ink_arena_grow(p->arena, block->lines, block->count, sizeof *lines, &block->room);
    if (!lines)
        return no_memory(p);
    block->lines = lines;
    ink_script_line *line = &lines[block->count++];
    *line = (ink_script_line){ .step = INK_SCRIPT_VALUE, .line = p->line };
    if (is_word(p, "return"))
        return parse_return(p, line);
    if (is_word(p, "if"))
        return parse_if(p, indent, line);
    return is_word(p, "for") ? parse_for(p, indent, line) : parse_plain(p, line);
}

static ink_status parse_block(parser *p, size_t outer, ink_script_block *block)
{
    const size_t indent = p->indent;
    if (indent <= outer)
        return malformed(p, "an indented line");
    if (++p->depth > INK_SCRIPT_DEPTH)
        return ink_fail(p->error, INK_ERR_LIMIT, "%s:%lu: blocks are nested too deep", p->file,
                        (unsigned long)p->line);
    while (p->token != END && p->indent == indent)
        INK_TRY(parse_line(p, block));
    if (p->token != END && p->indent > outer)
        return malformed(p, "a line as far indented as those before it");
    p->depth--;
    return INK_OK;
}

/* ---- functions and classes ---- */

static ink_status parse_parameter(parser *p, ink_script_function *function)
{
    ink_script_tree *tree;
    ink_script_parameter *parameters = ink_arena_grow(p->arena, function->parameters, function->count,
                                                      sizeof *parameters, &function->room);
    if (!parameters)
        return no_memory(p);
    function->parameters = parameters;
    ink_script_parameter *parameter = &parameters[function->count++];
    *parameter = (ink_script_parameter){ .name = "" };
    INK_TRY(expect_name(p, &parameter->name));
    parameter->hash = ink_script_hash(parameter->name);
    if (is_sign(p, ':')) {
        INK_TRY(next(p));
        INK_TRY(parse_tree(p, &tree));
    }
    if (is_sign(p, '=')) {
        INK_TRY(next(p));
        INK_TRY(parse_tree(p, &tree));
        parameter->value = tree;
    }
    return INK_OK;
}

static ink_status parse_function(parser *p, const char *class)
{
    const size_t indent = p->indent;
    ink_script_tree *type;
    ink_script_function *functions = ink_arena_grow(p->arena, p->script->functions, p->script->count,
                                                    sizeof *functions, &p->script->room);
    if (!functions)
        return no_memory(p);
    p->script->functions = functions;
    ink_script_function function = { .class = class, .line = p->line };
    INK_TRY(next(p));
    INK_TRY(expect_name(p, &function.name));
    if (!is_sign(p, '('))
        return malformed(p, "'('");
    p->brackets++;
    INK_TRY(next(p));
    while (!is_sign(p, ')')) {
        INK_TRY(parse_parameter(p, &function));
        if (is_sign(p, ','))
            INK_TRY(next(p));
        else if (!is_sign(p, ')'))
            return malformed(p, "',' or ')'");
    }
    p->brackets--;
    INK_TRY(next(p));
    if (is_sign(p, '>')) {
        INK_TRY(next(p));
        INK_TRY(parse_tree(p, &type));
    }
    INK_TRY(parse_suite(p, indent, &function.body));
    p->script->functions[p->script->count++] = function;
    return INK_OK;
}

/* name : TYPE; name : Final[TYPE] = value; __parameters__ = [...]; __annotations__["0"] = TYPE */
static ink_status parse_member(parser *p, const char *class)
{
    ink_script_tree *target, *value = NULL;
    INK_TRY(parse_tree(p, &target));
    if (is_sign(p, ':')) {
        INK_TRY(next(p));
        INK_TRY(parse_tree(p, &value));
        value = NULL;
    }
    if (is_sign(p, '=')) {
        INK_TRY(next(p));
        INK_TRY(parse_tree(p, &value));
    }
    if (value && target->kind == INK_SCRIPT_NAME) {
        ink_script *s = p->script;
        ink_script_constant *constants = ink_arena_grow(p->arena, s->constants, s->constant_count, sizeof *constants,
                                                        &s->constant_room);
        if (!constants)
            return no_memory(p);
        s->constants = constants;
        s->constants[s->constant_count++] = (ink_script_constant){ target->text, class, value };
    }
    return end_of_line(p);
}

static ink_status parse_class(parser *p)
{
    const size_t outer = p->indent;
    const char *name = "";
    INK_TRY(next(p));
    INK_TRY(expect_name(p, &name));
    if (is_sign(p, '(')) {
        ink_script_tree *bases;
        INK_TRY(parse_tree(p, &bases));
    }
    INK_TRY(expect(p, ':'));
    INK_TRY(end_of_line(p));
    const size_t indent = p->indent;
    while (p->token != END && p->indent == indent && indent > outer) {
        if (is_word(p, "def")) {
            INK_TRY(parse_function(p, name));
        } else if (is_word(p, "pass")) {
            INK_TRY(next(p));
            INK_TRY(end_of_line(p));
        } else {
            INK_TRY(parse_member(p, name));
        }
    }
    return INK_OK;
}

/* Outside of functions and classes older versions have `import NAME` and `op_version_set = 1`. */
static ink_status skip_line(parser *p)
{
    while (p->token != NEWLINE && p->token != END)
        INK_TRY(next(p));
    return next(p);
}

ink_status ink_script_parse(const char *file, const uint8_t *text, size_t size, ink_arena *arena, ink_script *script,
                            ink_error *error)
{
    *script = (ink_script){ .file = file };
    if (size > INK_SCRIPT_MOST_BYTES)
        return ink_fail(error, INK_ERR_LIMIT, "%s has %zu bytes, allowed are %d", file, size, INK_SCRIPT_MOST_BYTES);
    const char *copy = ink_arena_string(arena, (const char *)text, size);
    parser p = { .text = copy, .at = copy, .end = copy + size, .file = file, .line = 1, .token = NEWLINE,
                 .arena = arena, .script = script, .error = error };
    if (!copy)
        return no_memory(&p);
    INK_TRY(next(&p));
    while (p.token != END) {
        p.depth = 0;
        if (is_word(&p, "def"))
            INK_TRY(parse_function(&p, ""));
        else if (is_word(&p, "class"))
            INK_TRY(parse_class(&p));
        else if (p.indent)
            return malformed(&p, "'def' or 'class'");
        else
            INK_TRY(skip_line(&p));
    }
    return INK_OK;
}

const ink_script_function *ink_script_find(const ink_script *script, const char *class, const char *name)
{
    for (size_t i = 0; i < script->count; i++)
        if (strcmp(script->functions[i].name, name) == 0 && strcmp(script->functions[i].class, class) == 0)
            return &script->functions[i];
    return NULL;
}
