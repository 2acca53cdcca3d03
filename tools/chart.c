#include "tools/chart.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum {
    MARGIN = 24,
    TITLE_HEIGHT = 44,
    NOTE_HEIGHT = 26,
    ROW_HEIGHT = 26,
    CELL_WIDTH = 62,
    BAR_WIDTH = 420,
    VALUE_WIDTH = 90,
    GLYPH_WIDTH = 14, /* of a wide character at the size of labels */
    LABEL_MIN = 80,
    LABEL_MAX = 320,
};

__attribute__((format(printf, 2, 3))) static void put(struct buffer *out,
                                                      const char *format, ...)
{
    char text[512];
    va_list list;
    va_start(list, format);
    int size = vsnprintf(text, sizeof text, format, list);
    va_end(list);
    CHECK(size >= 0 && (size_t)size < sizeof text);
    buffer_put(out, text, (size_t)size);
}

/* Names come from tables that people write. */
static void put_escaped(struct buffer *out, const char *text)
{
    for (; *text != '\0'; text++) {
        switch (*text) {
        case '&': buffer_put(out, "&amp;", 5); break;
        case '<': buffer_put(out, "&lt;", 4); break;
        case '>': buffer_put(out, "&gt;", 4); break;
        default: buffer_put(out, text, 1);
        }
    }
}

static void put_text(struct buffer *out, int x, int y, const char *class,
                     const char *text)
{
    put(out, "<text x=\"%d\" y=\"%d\" class=\"%s\">", x, y, class);
    put_escaped(out, text);
    put(out, "</text>\n");
}

static void put_head(struct buffer *out, int width, int height, const char *title)
{
    put(out,
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" "
        "viewBox=\"0 0 %d %d\" role=\"img\">\n<title>",
        width, height, width, height);
    put_escaped(out, title);
    put(out, "</title>\n<style>text{font-family:'Noto Sans CJK SC','Source Han Sans SC',"
             "'Microsoft YaHei','PingFang SC',sans-serif;font-size:13px;fill:#222}"
             ".title{font-size:18px;font-weight:bold}");
    put(out, ".note{font-size:12px;fill:#666}.group{font-size:14px;font-weight:bold}"
             ".head{font-size:12px;fill:#444;text-anchor:middle}"
             ".label{text-anchor:end}.cell{font-size:12px;text-anchor:middle}"
             ".light{font-size:12px;text-anchor:middle;fill:#fff}</style>\n");
    put(out, "<rect width=\"%d\" height=\"%d\" fill=\"#fff\"/>\n", width, height);
    put_text(out, MARGIN, MARGIN + 14, "title", title);
}

/* Of 3 bytes a wide character, else half of one. */
static int width_of(const char *text)
{
    int halves = 0;
    for (; *text != '\0'; text++) {
        unsigned char byte = (unsigned char)*text;
        if (byte >= 0xc0)
            halves += byte >= 0xe0 ? 2 : 1;
        else if (byte < 0x80)
            halves++;
    }
    return (halves * GLYPH_WIDTH + 1) / 2;
}

static void widen(int *width, const char *label)
{
    int wanted = width_of(label) + 16;
    if (wanted > *width)
        *width = wanted < LABEL_MAX ? wanted : LABEL_MAX;
}

/* From a warm red over a pale yellow to a deep green, distinct also in grey; few are missing
 * where it is dark. */
static const char *colour_of(int64_t share)
{
    static const struct {
        int64_t from;
        const char *colour;
    } steps[] = {{1000, "#1a7f4b"}, {950, "#5fb37c"}, {900, "#a9d8b0"}, {800, "#dcefc9"},
                 {600, "#fbe3a1"},  {400, "#f6b26b"}, {0, "#d95f4c"}};
    for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
        if (share >= steps[i].from)
            return steps[i].colour;
    }
    return "#d95f4c";
}

void chart_grid(const struct chart_grid *grid, struct buffer *out)
{
    int label = LABEL_MIN, top = MARGIN + TITLE_HEIGHT;
    for (size_t i = 0; i < grid->row_count; i++)
        widen(&label, grid->rows[i]);
    int left = MARGIN + label;
    int width = left + (int)grid->column_count * CELL_WIDTH + MARGIN;
    int wanted = 2 * MARGIN + width_of(grid->title) * 18 / 13;
    int height = top + 20 + (int)grid->row_count * ROW_HEIGHT + NOTE_HEIGHT + MARGIN;
    if (grid->note != NULL && 2 * MARGIN + width_of(grid->note) > wanted)
        wanted = 2 * MARGIN + width_of(grid->note);
    put_head(out, width > wanted ? width : wanted, height, grid->title);
    for (size_t c = 0; c < grid->column_count; c++)
        put_text(out, left + (int)c * CELL_WIDTH + CELL_WIDTH / 2, top + 8, "head",
                 grid->columns[c]);
    top += 20;
    for (size_t r = 0; r < grid->row_count; r++) {
        int y = top + (int)r * ROW_HEIGHT;
        put_text(out, left - 8, y + 17, "label", grid->rows[r]);
        for (size_t c = 0; c < grid->column_count; c++) {
            int64_t value = grid->values[r * grid->column_count + c];
            int x = left + (int)c * CELL_WIDTH;
            char text[32] = "-";
            put(out, "<rect x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" fill=\"%s\"/>\n",
                x + 1, y + 1, CELL_WIDTH - 2, ROW_HEIGHT - 2,
                value == CHART_UNKNOWN ? "#eeeeee" : colour_of(value));
            if (value != CHART_UNKNOWN)
                (void)snprintf(text, sizeof text, "%" PRId64 ".%" PRId64, value / 10,
                               value % 10);
            bool light = value >= 1000 || (value != CHART_UNKNOWN && value < 400);
            put_text(out, x + CELL_WIDTH / 2, y + 17, light ? "light" : "cell", text);
        }
    }
    if (grid->note != NULL)
        put_text(out, MARGIN, height - MARGIN, "note", grid->note);
    put(out, "</svg>\n");
}

void chart_bars(const char *title, const char *note, const struct chart_group *groups,
                size_t count, struct buffer *out)
{
    int label = LABEL_MIN, y = MARGIN + TITLE_HEIGHT;
    int height = y + NOTE_HEIGHT + MARGIN;
    for (size_t g = 0; g < count; g++) {
        height += ROW_HEIGHT * ((int)groups[g].count + 2);
        for (size_t i = 0; i < groups[g].count; i++)
            widen(&label, groups[g].bars[i].label);
    }
    int left = MARGIN + label, width = left + BAR_WIDTH + VALUE_WIDTH + MARGIN;
    put_head(out, width, height, title);
    for (size_t g = 0; g < count; g++) {
        uint64_t greatest = 1;
        for (size_t i = 0; i < groups[g].count; i++) {
            if (groups[g].bars[i].value > greatest)
                greatest = groups[g].bars[i].value;
        }
        put_text(out, MARGIN, y + 14, "group", groups[g].title);
        y += ROW_HEIGHT;
        for (size_t i = 0; i < groups[g].count; i++, y += ROW_HEIGHT) {
            const struct chart_bar *bar = &groups[g].bars[i];
            int size = (int)((double)bar->value * BAR_WIDTH / (double)greatest);
            char text[32];
            put_text(out, left - 8, y + 17, "label", bar->label);
            put(out,
                "<rect x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" rx=\"2\" "
                "fill=\"#3b7ea1\"/>\n",
                left, y + 4, size > 0 ? size : 1, ROW_HEIGHT - 9);
            (void)snprintf(text, sizeof text, "%" PRIu64, bar->value);
            put_text(out, left + size + 8, y + 17, "value", text);
        }
        y += ROW_HEIGHT;
    }
    if (note != NULL)
        put_text(out, MARGIN, height - MARGIN, "note", note);
    put(out, "</svg>\n");
}
