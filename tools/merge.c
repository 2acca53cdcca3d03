/* merge.c - that two records are one person, or are not, for people. */
#include "tools/arguments.h"
#include "tools/i18n.h"
#include "tools/render.h"

void render_merged(const struct invocation *invocation, const struct terminal *terminal,
                   struct slice data)
{
    struct arena arena;
    (void)invocation;
    arena_init(&arena);
    const char *id = map_text(data, "short_id", &arena);
    const char *name = map_text(data, "name", &arena);
    (void)fprintf(terminal->out,
                  _("Merged, and saved on this disk: both ids now lead to %s %s.\n"
                    "  If they say different things: linli conflict list\n"),
                  id != NULL ? id : "-", name != NULL ? name : "");
    arena_deinit(&arena);
}

void render_unmerged(const struct invocation *invocation, const struct terminal *terminal,
                     struct slice data)
{
    (void)data;
    const char *id = arguments_value(invocation, "id");
    const char *other = arguments_value(invocation, "other");
    (void)fprintf(terminal->out,
                  _("No longer merged, saved on this disk: %s and %s are two records "
                    "again.\n"),
                  id != NULL ? id : "-", other != NULL ? other : "-");
}
