/* indicators.c - `linli report indicators`: a plan's indicators, which are a file, against what is
 * counted here. A new plan is a new file. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "crdt/calendar.h"
#include "crdt/codec.h"
#include "daemon/api/csv_text.h"
#include "tools/files.h"
#include "tools/i18n.h"
#include "tools/json.h"
#include "tools/render.h"
#include "tools/reports.h"

#define FILE_SIZE_MAX (1024 * 1024)

enum cell {
    NUMBER,
    NAME,
    UNIT,
    BASE,
    TARGET,
    COMPARATOR,
    BINDING,
    SOURCE,
    VALUE,
    DATE,
    CELLS
};

static const struct {
    const char *label, *name;
} headings[CELLS] = {
    [NUMBER] = {"序号", "number"},   [NAME] = {"指标", "name"},
    [UNIT] = {"单位", "unit"},       [BASE] = {"基期值", "base"},
    [TARGET] = {"目标值", "target"}, [COMPARATOR] = {"方向", "comparator"},
    [BINDING] = {"属性", "binding"}, [SOURCE] = {"来源", "source"},
    [VALUE] = {"现值", "value"},     [DATE] = {"现值日期", "value_date"},
};

struct indicators {
    const struct terminal *terminal;
    struct client *client;
    const char *division;
    char month[MONTH_TYPED_SIZE];
    size_t columns[CELLS]; /* where each stands in the file; SIZE_MAX: nowhere */
    bool header_seen, failed;
    struct buffer rows; /* encoded */
    size_t count, reached, known;
    struct incomplete incomplete;
    struct failure failure;
};

/* "17.8", "100" -> thousandths. */
static bool read_decimal(struct slice text, int64_t *value)
{
    int64_t number = 0, scale = 0;
    size_t digits = 0;
    for (size_t i = 0; i < text.size; i++) {
        uint8_t c = text.data[i];
        if (c == '%' && i + 1 == text.size && digits > 0)
            break;
        if (c == '.' && scale == 0 && digits > 0) {
            scale = 1;
            continue;
        }
        if (c < '0' || c > '9' || ++digits > 12 || scale > 1000)
            return false;
        if (scale == 1000)
            continue;
        number = number * 10 + (c - '0');
        scale *= scale > 0 ? 10 : 1;
    }
    if (digits == 0)
        return false;
    for (scale = scale == 0 ? 1 : scale; scale < 1000; scale *= 10)
        number *= 10;
    *value = number;
    return true;
}

/* "coverage": of the persons due in the month, how many were visited. "villages-visited": of the
 * villages where somebody is on the roster, in how many somebody was visited or found. What is
 * counted here and what is not, the manual says. */
static bool count_source(struct indicators *indicators, struct slice source,
                         char value[32], bool *known)
{
    struct client_reply reply;
    struct slice total, figure;
    uint64_t due = 0, visited = 0, all = 0, done = 0;
    *known = slice_equal(source, slice_text("coverage")) ||
             slice_equal(source, slice_text("villages-visited"));
    value[0] = '\0';
    if (!*known)
        return true;
    if (!report_ask_coverage(indicators->client, indicators->month, "village",
                             indicators->division, &reply, &indicators->failure))
        return false;
    if (reply.incomplete.kind != INCOMPLETE_NOT)
        indicators->incomplete = reply.incomplete;
    if (slice_equal(source, slice_text("coverage"))) {
        total = map_map(reply.data, "total");
        (void)(map_uint(total, "due", &all) && map_uint(total, "visited", &done));
    } else {
        struct list_walk walk = list_walk_begin(map_list(reply.data, "figures"));
        while (list_walk_next(&walk, &figure)) {
            if (!map_uint(figure, "due", &due) || !map_uint(figure, "visited", &visited))
                continue;
            all += due > 0;
            done += visited > 0;
        }
    }
    if (all > 0)
        (void)snprintf(value, 32, "%" PRIu64 ".%" PRIu64, done * 1000 / all / 10,
                       done * 1000 / all % 10);
    return true;
}

static struct slice cell_of(const struct indicators *indicators,
                            const struct slice *cells, size_t count, enum cell cell)
{
    size_t at = indicators->columns[cell];
    return at < count ? cells[at] : (struct slice){0};
}

static void put_text(struct buffer *out, const char *key, struct slice text)
{
    codec_put_cstring(out, key);
    if (text.size > 0)
        codec_put_text(out, text);
    else
        codec_put_nil(out);
}

static bool is_reached(struct slice comparator, int64_t value, int64_t target)
{
    if (slice_equal(comparator, slice_text("<=")) ||
        slice_equal(comparator, slice_text("≤")))
        return value <= target;
    if (slice_equal(comparator, slice_text("=")))
        return value == target;
    return value >= target;
}

static void take_header(struct indicators *indicators, const struct slice *cells,
                        size_t count)
{
    indicators->header_seen = true;
    for (size_t c = 0; c < CELLS; c++) {
        indicators->columns[c] = SIZE_MAX;
        for (size_t i = 0; i < count; i++) {
            if (slice_equal(cells[i], slice_text(headings[c].label)) ||
                slice_equal(cells[i], slice_text(headings[c].name)))
                indicators->columns[c] = i;
        }
    }
    if (indicators->columns[NAME] != SIZE_MAX && indicators->columns[TARGET] != SIZE_MAX)
        return;
    indicators->failed = true;
    failure_set(&indicators->failure, ERR_FIELD_MISSING, "指标, 目标值");
    indicators->failure.text = N_("the first row of the file names no such columns");
    indicators->failure.next = N_("See an example: configs/indicators");
}

static void take_row(void *context, unsigned line, const struct slice *cells,
                     size_t count)
{
    struct indicators *indicators = context;
    struct buffer *out = &indicators->rows;
    char counted_value[32];
    bool counted;
    int64_t value, target;
    if (indicators->failed)
        return;
    if (!indicators->header_seen) {
        take_header(indicators, cells, count);
        return;
    }
    struct slice source = cell_of(indicators, cells, count, SOURCE);
    if (!count_source(indicators, source, counted_value, &counted)) {
        indicators->failed = true;
        return;
    }
    struct slice shown =
        counted ? slice_text(counted_value) : cell_of(indicators, cells, count, VALUE);
    struct slice when =
        counted ? slice_text(indicators->month) : cell_of(indicators, cells, count, DATE);
    struct slice aim = cell_of(indicators, cells, count, TARGET);
    bool comparable = read_decimal(shown, &value) && read_decimal(aim, &target);
    bool reached = comparable && is_reached(cell_of(indicators, cells, count, COMPARATOR),
                                            value, target);
    if ((shown.size > 0 && !read_decimal(shown, &value)) ||
        (aim.size > 0 && !read_decimal(aim, &target))) {
        indicators->failed = true;
        failure_set(&indicators->failure, ERR_FIELD_VALUE, "%u", line);
        indicators->failure.text = N_("target and value are numbers, as 17.8");
        return;
    }
    indicators->count++;
    indicators->known += comparable;
    indicators->reached += reached;
    codec_put_map(out, CELLS + 1);
    for (size_t c = 0; c < CELLS; c++)
        put_text(out, headings[c].name,
                 c == VALUE  ? shown
                 : c == DATE ? when
                             : cell_of(indicators, cells, count, (enum cell)c));
    codec_put_cstring(out, "reached");
    if (comparable)
        codec_put_bool(out, reached);
    else
        codec_put_nil(out);
}

static const struct column indicator_columns[] = {
    {"number", N_("NO"), COLUMN_TEXT, NULL, 4},
    {"name", N_("INDICATOR"), COLUMN_TEXT, NULL, 0},
    {"unit", N_("UNIT"), COLUMN_TEXT, NULL, 3},
    {"base", N_("BASE"), COLUMN_COUNT, NULL, 2},
    {"comparator", N_("MUST BE"), COLUMN_TEXT, NULL, 2},
    {"target", N_("TARGET"), COLUMN_COUNT, NULL, 0},
    {"value", N_("VALUE"), COLUMN_COUNT, NULL, 0},
    {"value_date", N_("AS OF"), COLUMN_TEXT, NULL, 1},
    {"binding", N_("KIND"), COLUMN_TEXT, NULL, 3},
    {"reached", N_("REACHED"), COLUMN_TEXT, "?", 0},
    {NULL, NULL, COLUMN_TEXT, NULL, 0},
};

static bool read_file(struct indicators *indicators, const char *path)
{
    struct buffer file, text;
    unsigned line = 0;
    buffer_init(&file, FILE_SIZE_MAX);
    buffer_init(&text, SIZE_MAX);
    enum status status = file_read(path, FILE_SIZE_MAX, &file);
    bool read = status == OK && csv_text_decode(buffer_slice(&file), &text);
    if (status != OK)
        failure_set(&indicators->failure, status, "%s: %s", path, strerror(errno));
    else if (!read)
        failure_set(&indicators->failure, ERR_TEXT, "%s", path);
    else if (!csv_text_rows(buffer_slice(&text), take_row, indicators, &line)) {
        failure_set(&indicators->failure, ERR_MALFORMED, "%s:%u", path, line);
        read = false;
    }
    buffer_deinit(&file);
    buffer_deinit(&text);
    return read && !indicators->failed;
}

enum exit_code indicators_run(const struct invocation *invocation,
                              const struct terminal *terminal)
{
    struct indicators indicators = {.terminal = terminal,
                                    .division = arguments_value(invocation, "division"),
                                    .incomplete = {.kind = INCOMPLETE_NOT}};
    const char *month = arguments_value(invocation, "month");
    char said[INCOMPLETE_TEXT_SIZE];
    struct buffer data;
    enum exit_code code = CODE_DONE;
    int64_t number;
    if (!month_read(slice_text(month != NULL ? month : "this"), terminal->now_ms,
                    indicators.month)) {
        if (!month_parse(slice_text(month), &number)) {
            failure_set(&indicators.failure, ERR_DATE, "--month %s", month);
            indicators.failure.next =
                N_("Write a month as 2026-11, or 11 for the latest November.");
            return terminal_report(terminal, &indicators.failure);
        }
        month_format(number, indicators.month);
    }
    buffer_init(&indicators.rows, SIZE_MAX);
    buffer_init(&data, SIZE_MAX);
    if (!report_open(&indicators.client, invocation, &indicators.failure) ||
        !read_file(&indicators, arguments_value(invocation, "file")))
        code = terminal_report(terminal, &indicators.failure);
    client_close(indicators.client);
    incomplete_say(&indicators.incomplete, said);
    if (code == CODE_DONE) {
        codec_put_map(&data, 2);
        codec_put_cstring(&data, "month");
        codec_put_cstring(&data, indicators.month);
        codec_put_cstring(&data, "indicators");
        codec_put_array(&data, indicators.count);
        buffer_put(&data, indicators.rows.data, indicators.rows.size);
        if (terminal->json) {
            if (!json_reply(terminal->out, invocation->command->name,
                            said[0] != '\0' ? said : NULL, buffer_slice(&data)))
                code = CODE_REFUSED;
        } else {
            table_print(terminal, indicator_columns,
                        map_list(buffer_slice(&data), "indicators"));
            (void)fprintf(terminal->out,
                          _("%zu of %zu indicators are reached; of %zu no value is "
                            "known.\n"),
                          indicators.reached, indicators.count,
                          indicators.count - indicators.known);
            if (said[0] != '\0')
                (void)fprintf(terminal->err, _("Incomplete: %s\n"), said);
        }
    }
    if (code == CODE_DONE && said[0] != '\0')
        code = CODE_INCOMPLETE;
    buffer_deinit(&indicators.rows);
    buffer_deinit(&data);
    return code;
}
