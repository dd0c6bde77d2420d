/* Shows: ocireg_json_at, _kind, _text, _dump, _size, _item, _key. */
#include "template.h"

#include "json.h"
#include "output.h"
#include "table.h"

#include <stdlib.h>
#include <string.h>

enum kind { PIECE_END, PIECE_LETTER, PIECE_MEMBER, PIECE_NAME, PIECE_WRONG };

struct piece {
    enum kind kind;
    char letter;         /* of PIECE_LETTER */
    const char *pointer; /* of PIECE_MEMBER */
    size_t length;
    const char *star; /* the slash before the star in the pointer, or NULL */
};

/* The first star that is a whole step of a pointer: the slash before it. */
static const char *find_star(const char *pointer, size_t length)
{
    for (size_t i = 0; i + 1 < length; i++)
        if (pointer[i] == '/' && pointer[i + 1] == '*' && (i + 2 == length || pointer[i + 2] == '/'))
            return pointer + i;
    return NULL;
}

static struct piece escape(const char **at)
{
    static const char letters[] = "nt\\{}", meanings[] = "\n\t\\{}";
    const char *letter = **at == '\0' ? NULL : strchr(letters, **at);
    if (letter == NULL)
        return (struct piece){.kind = PIECE_WRONG};
    *at += 1;
    return (struct piece){.kind = PIECE_LETTER, .letter = meanings[letter - letters]};
}

/* Takes the next piece of a template. */
static struct piece next_piece(const char **at)
{
    struct piece piece = {.kind = PIECE_MEMBER};
    const char *begin = *at, *end;
    if (*begin == '\0')
        return (struct piece){.kind = PIECE_END};
    *at += 1;
    if (*begin == '\\')
        return escape(at);
    if (*begin != '{')
        return (struct piece){.kind = PIECE_LETTER, .letter = *begin};
    end = strchr(begin, '}');
    if (end == NULL)
        return (struct piece){.kind = PIECE_WRONG};
    *at = end + 1;
    piece.pointer = begin + 1;
    piece.length = (size_t)(end - piece.pointer);
    piece.star = find_star(piece.pointer, piece.length);
    if (piece.length == 1 && *piece.pointer == '*')
        piece.kind = PIECE_NAME;
    else if (piece.length > 0 && *piece.pointer != '/')
        piece.kind = PIECE_WRONG;
    return piece;
}

/* The list that the lines are about: what is before the first star. False: there is none. */
static bool find_list(const char *text, const char **pointer, size_t *length)
{
    struct piece piece;
    while ((piece = next_piece(&text)).kind != PIECE_END)
        if (piece.kind == PIECE_MEMBER && piece.star != NULL) {
            *pointer = piece.pointer;
            *length = (size_t)(piece.star - piece.pointer);
            return true;
        }
    return false;
}

int template_check(const char *text)
{
    const char *at = text, *list = NULL, *begin;
    size_t length = 0;
    bool listing = find_list(text, &list, &length);
    for (struct piece piece; begin = at, (piece = next_piece(&at)).kind != PIECE_END;) {
        size_t rest = piece.star == NULL ? 0 : piece.length - (size_t)(piece.star - piece.pointer) - 2;
        if (piece.kind == PIECE_WRONG && *begin == '\\')
            return report_usage("--format: after a backslash come n, t, \\, { or }");
        if (piece.kind == PIECE_WRONG && strchr(begin, '}') == NULL)
            return report_usage("--format: '%s' has no '}'", begin);
        if (piece.kind == PIECE_WRONG)
            return report_usage("--format: a member is named by a JSON pointer, such as {/digest}, not {%.*s}",
                                (int)(strchr(begin, '}') - begin - 1), begin + 1);
        if (piece.kind == PIECE_NAME && !listing)
            return report_usage("--format: {*} needs a list, such as {/layers/*/digest}");
        if (piece.star == NULL)
            continue;
        if ((size_t)(piece.star - piece.pointer) != length || strncmp(piece.pointer, list, length) != 0 ||
            find_star(piece.star + 2, rest) != NULL)
            return report_usage("--format: one list makes the lines: {%.*s/*} and {%.*s} do not go together", (int)length, list,
                                (int)piece.length, piece.pointer);
    }
    return OCIREG_OK;
}

static void write_text(const char *text, const struct template_target *target)
{
    if (target->clean)
        write_clean(target->file, text);
    else
        fputs(text, target->file);
}

/* False: there is no such member. */
static bool write_member(const ocireg_json *from, const char *pointer, size_t length, const struct template_target *target)
{
    char *name = strndup(pointer, length), *dumped = NULL;
    int32_t kind = name == NULL ? OCIREG_JSON_NONE : ocireg_json_kind(from, name);
    const char *text = kind == OCIREG_JSON_STRING ? ocireg_json_text(from, name) : NULL;
    if (text != NULL)
        write_text(text, target);
    else if (kind != OCIREG_JSON_NONE && kind != OCIREG_JSON_NULL && ocireg_json_dump(from, name, &dumped, NULL) == OCIREG_OK)
        write_text(dumped, target);
    ocireg_string_free(dumped);
    free(name);
    return kind != OCIREG_JSON_NONE;
}

struct place {
    const ocireg_json *document, *list; /* list: NULL when there is none */
    size_t item;
};

static void write_name(const struct place *place, const struct template_target *target)
{
    const char *name = ocireg_json_key(place->list, NULL, place->item);
    if (name != NULL)
        write_text(name, target);
    else
        fprintf(target->file, "%zu", place->item);
}

/* How many of its members are there. */
static size_t write_line(const char *text, const struct place *place, const struct template_target *target)
{
    size_t found = 0;
    for (struct piece piece; (piece = next_piece(&text)).kind != PIECE_END;) {
        if (piece.kind == PIECE_LETTER)
            fputc(piece.letter, target->file);
        else if (piece.kind == PIECE_NAME)
            write_name(place, target);
        else if (piece.star == NULL)
            found += write_member(place->document, piece.pointer, piece.length, target);
        else
            write_member(ocireg_json_item(place->list, NULL, place->item), piece.star + 2,
                         piece.length - (size_t)(piece.star + 2 - piece.pointer), target);
    }
    fputc('\n', target->file);
    return found;
}

static bool names_members(const char *text)
{
    struct piece piece;
    while ((piece = next_piece(&text)).kind != PIECE_END)
        if (piece.kind == PIECE_MEMBER)
            return true;
    return false;
}

static bool write_lines(const char *text, const ocireg_json *document, const struct template_target *target)
{
    struct place place = {.document = document};
    const char *pointer;
    size_t length;
    char *name;
    if (!find_list(text, &pointer, &length))
        return write_line(text, &place, target) > 0 || !names_members(text);
    name = strndup(pointer, length);
    place.list = name == NULL ? NULL : ocireg_json_at(document, name);
    free(name);
    for (; place.item < ocireg_json_size(place.list, NULL); place.item++)
        write_line(text, &place, target);
    return place.list != NULL;
}

/* Nothing is written unless all of it is. */
bool template_write(const char *text, const ocireg_json *document, const struct template_target *target)
{
    struct template_target memory = *target;
    char *lines = NULL;
    size_t size = 0;
    bool found = false;
    memory.file = open_memstream(&lines, &size);
    if (memory.file == NULL)
        return false;
    found = write_lines(text, document, &memory);
    if (fclose(memory.file) != 0)
        found = false;
    if (found && target->aligned)
        table_align(target->file, lines);
    else if (found)
        fwrite(lines, 1, size, target->file);
    free(lines);
    return found;
}
