/* ctl/music.c: "moh …": the classes of musiconhold.conf. */
#include "conf/music.h"
#include "ctl/priv.h"

static const char *or_none(const char *text)
{
	return text[0] ? text : "<none>";
}

static void show_classes(struct call *c)
{
	static const char *const modes[] = { "<none>", "files", "playlist", "tune", "custom" };
	static const char *const sorts[] = { NULL, "alpha", "random", "randstart" };
	const struct conf_music *music = c->conf->music;

	for (size_t i = 0; i < music->n; i++) {
		const struct conf_moh *m = &music->classes[i];

		rows_say(c->rows, "Class: %s", m->o.name);
		rows_say(c->rows, "\tMode: %s", modes[m->mode]);
		rows_say(c->rows, "\tDirectory: %s", or_none(m->directory));
		if (sorts[m->sort])
			rows_say(c->rows, "\tSort: %s", sorts[m->sort]);
		if (m->mode == MOH_PROGRAM)
			rows_say(c->rows, "\tNot served: no programs are run");
	}
}

static void show_files(struct call *c)
{
	const struct conf_music *music = c->conf->music;

	for (size_t i = 0; i < music->n; i++) {
		const struct conf_moh *m = &music->classes[i];

		if (m->files.n)
			rows_say(c->rows, "Class: %s", m->o.name);
		for (size_t k = 0; k < m->files.n; k++)
			rows_say(c->rows, "\tFile: %s", m->files.v[k]);
	}
}

const struct cmd music_cmds[] = {
	{ "moh show classes", NULL, "The classes of music.", show_classes },
	{ "moh show files", NULL, "The files of each class of music.", show_files },
	{ 0 },
};
