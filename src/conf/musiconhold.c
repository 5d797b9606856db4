/*
 * conf/musiconhold.c: musiconhold.conf: each section is a class of music. Which files a class has is found out here,
 * when the configuration is read, so that nobody waits for a disk when a call is put on hold. Classes that would run a
 * program are read and play nothing.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf/music.h"
#include "conf/opt.h"

#define FILES_MAX 1000 /* of a class */

static const char *const modes[] = { "files", "playlist", "tune",       "custom", "mp3",
				     "mp3nb", "quietmp3", "quietmp3nb", NULL };
static const char *const sorts[] = { "alpha", "random", "randstart", NULL };

static bool set_mode(struct opt_cx *cx, void *field, struct span v)
{
	enum moh_mode mode = MOH_NONE;

	for (unsigned i = 0; v.n && modes[i]; i++)
		if (span_iis(v, modes[i]))
			mode = MIN(MOH_FILES + i, MOH_PROGRAM);
	if (v.n && mode == MOH_NONE)
		return opt_bad(cx, "'%.*s' is not one of files, playlist, tune, custom or mp3", SP(v));
	*(enum moh_mode *)field = mode;
	return true;
}

static void show_mode(const struct opt *opt UNUSED, const void *field, const void *obj UNUSED, struct out *o)
{
	enum moh_mode mode = *(const enum moh_mode *)field;

	out_str(o, mode == MOH_NONE ? "" : modes[mode - MOH_FILES]);
}

static bool set_sort(struct opt_cx *cx, void *field, struct span v)
{
	unsigned sort = MOH_IN_ORDER;

	for (unsigned i = 0; v.n && sorts[i]; i++)
		if (span_iis(v, sorts[i]))
			sort = MOH_ALPHA + i;
	if (v.n && sort == MOH_IN_ORDER)
		return opt_bad(cx, "'%.*s' is not one of alpha, random or randstart", SP(v));
	memcpy(field, &sort, sizeof sort);
	return true;
}

static void show_sort(const struct opt *opt UNUSED, const void *field UNUSED, const void *obj, struct out *o)
{
	const struct conf_moh *m = obj;

	out_str(o, m->sort == MOH_IN_ORDER ? "" : sorts[m->sort - MOH_ALPHA]);
}

/* The old way to say sort=random. */
static bool set_random(struct opt_cx *cx, void *field, struct span v)
{
	bool yes = false;

	if (!opt_is_bool(v, &yes))
		return opt_bad(cx, "'%.*s' is not yes or no", SP(v));
	return !yes || set_sort(cx, field, SPAN("random"));
}

#define AT(f)   offsetof(struct conf_moh, f)
#define PROGRAM "no programs are run"
const struct opt moh_opts[] = {
	{ "mode", OPT_CUSTOM, AT(mode), .def = "", .names = modes, .set = set_mode, .show = show_mode,
	  .help = "`files`: those of `directory`; `playlist`: those of `entry`; `tune`: a few notes that hairpin "
		  "makes, for who has no files. The others would run a program: "
		  "nothing "
		  "is played." },
	{ "directory", OPT_STR, AT(directory), .def = "",
	  .help = "Folder of the files; a relative one is beside `sounds_dir` of hairpin.conf." },
	{ "entry", OPT_LIST, AT(entry), .show = show_strs,
	  .help = "With mode=playlist: a file, which may be written without its ending. May be written several "
		  "times." },
	{ "sort", OPT_CUSTOM, AT(sort), .def = "", .names = sorts, .set = set_sort, .show = show_sort,
	  .help = "`alpha`: by name, as without it; `random`: any, each time; `randstart`: by name, from any on." },
	{ "random", OPT_CUSTOM, AT(sort), .set = set_random, .show = show_sort, .help = "Old name of sort=random." },
	{ "answeredonly", OPT_BOOL, AT(answeredonly), .def = "no", .help = "No music before the call is answered." },
	{ "loop_last", OPT_BOOL, AT(loop_last), .def = "no",
	  .help = "After the last file it is played again, not all of them." },
	{ "preferchannelclass", OPT_BOOL, AT(preferchannelclass), .def = "yes",
	  .help = "In [general]: what the dialplan has set comes before what the other side suggests." },
	{ "cachertclasses", OPT_BOOL, .def = "no", .no_effect = "classes come from files only",
	  .help = "In [general]: keep classes that a database has." },
	{ "digit", OPT_STR, .no_effect = "a class is chosen by the dialplan",
	  .help = "Key that changes to this class." },
	{ "announcement", OPT_STR, .waits_for = "queues", .help = "Sound between the files." },
	{ "application", OPT_STR, .no_effect = PROGRAM, .help = "Program that makes the music." },
	{ "format", OPT_STR, .no_effect = PROGRAM, .help = "Codec that the program makes." },
	{ "chroot", OPT_STR, .no_effect = PROGRAM, .help = "Folder that the program is shut in." },
	{ "kill_escalation_delay", OPT_UINT, .def = "500", .unit = "ms", .no_effect = PROGRAM,
	  .help = "How long the program is waited for." },
	{ "kill_method", OPT_STR, .def = "process_group", .no_effect = PROGRAM, .help = "How the program is ended." },
	{ 0 },
};

/* ---- files ---- */

struct listing {
	struct load *load;
	struct conf_moh *m;
};

static bool is_sound(struct span name)
{
	static const char *const endings[] = { ".wav", ".sln", ".ulaw", ".alaw", ".gsm",  ".sln16", ".ul",
					       ".mu",  ".pcm", ".al",   ".raw",  ".flac", ".ogg" };
	long dot = span_rchr(name, '.');

	for (size_t i = 0; dot >= 0 && i < ARRAY_LEN(endings); i++)
		if (span_iis(span_from(name, (size_t)dot), endings[i]))
			return true;
	return false;
}

/* One sound may be there in several formats, which follow each other: it is played once. */
static void take_file(void *arg, const char *path)
{
	struct listing *list = arg;
	struct strs *files = &list->m->files;
	struct span name = span_of(path), was;
	size_t stem = (size_t)span_rchr(name, '.');

	if (!is_sound(name) || files->n == FILES_MAX)
		return;
	was = files->n ? span_of(files->v[files->n - 1]) : SPAN_NONE;
	if (was.n && (size_t)span_rchr(was, '.') == stem && span_eq(span_sub(was, 0, stem), span_sub(name, 0, stem)))
		return;
	strs_add(list->load->arena, files, arena_str(list->load->arena, name));
}

/* Relative paths begin where Asterisk's data is: the folder above the sounds. */
static char *data_path(const struct load *l, const char *path)
{
	const char *sounds = l->c->hairpin.sounds_dir, *slash = strrchr(sounds, '/');

	if (path[0] == '/')
		return xstrdup(path);
	return xasprintf("%.*s%s%s", slash ? (int)(slash - sounds) : 0, sounds, slash ? "/" : "", path);
}

static void list_folder(struct load *l, struct conf_moh *m)
{
	struct listing list = { l, m };
	char *path = data_path(l, m->directory), *pattern = xasprintf("%s/*", path);

	l->src->glob(l->src->arg, pattern, take_file, &list);
	free(pattern);
	free(path);
}

static void list_entries(struct load *l, struct conf_moh *m)
{
	for (size_t i = 0; i < m->entry.n && i < FILES_MAX; i++) {
		char *path = data_path(l, m->entry.v[i]);

		if (strstr(path, "://"))
			diag_add(l->why, DIAG_WARNING, m->o.file, m->o.line, "music class %s: '%s' is not a file",
				 m->o.name, m->entry.v[i]);
		else
			strs_add(l->arena, &m->files, arena_str(l->arena, span_of(path)));
		free(path);
	}
}

static void find_files(struct load *l, struct conf_moh *m)
{
	if (m->mode == MOH_FILES && m->directory[0])
		list_folder(l, m);
	if (m->mode == MOH_PLAYLIST)
		list_entries(l, m);
	if (m->mode == MOH_TUNE)
		strs_add(l->arena, &m->files, "(a tune)");
	if (m->files.n)
		return;
	diag_add(l->why, DIAG_WARNING, m->o.file, m->o.line, "music class %s: %s; who is on hold hears nothing",
		 m->o.name,
		 m->mode == MOH_NONE                      ? "mode= is missing"
		 : m->mode == MOH_PROGRAM                 ? "this mode would run a program, which is not served"
		 : m->mode == MOH_FILES && !*m->directory ? "directory= is missing"
		 : m->mode == MOH_PLAYLIST                ? "there is no entry="
							  : "there are no sound files in its directory");
	if (m->mode == MOH_PROGRAM)
		diag_unserved(l->why);
}

/* ---- classes ---- */

static void read_class(struct load *l, const struct ini_section *s, struct conf_moh *m)
{
	struct opt_cx cx = { l->c, l->arena, l->why, NULL, opt_type(SPAN("musiconhold")), &m->o };

	*m = (struct conf_moh){ .o = { arena_str(l->arena, span_of(s ? s->name : "general")) } };
	opt_defaults(&cx);
	for (size_t i = 0; s && i < s->n; i++)
		opt_apply(&cx, s->lines[i]);
	if (s) {
		m->o.file = s->file;
		m->o.line = s->line;
	}
}

void load_moh(struct load *l)
{
	struct conf_music *music = arena_zero(l->arena, sizeof *music);
	struct ini ini;

	l->c->music = music;
	read_class(l, NULL, &music->general);
	music->is_missing = !load_optional(l, &ini, "musiconhold.conf");
	for (size_t i = 0; i < ini.n; i++) {
		const struct ini_section *s = &ini.sections[i];

		if (s->is_template)
			continue;
		if (span_iis(span_of(s->name), "general")) {
			read_class(l, s, &music->general);
			continue;
		}
		music->classes = array_grow(l->arena, music->classes, music->n, sizeof music->classes[0]);
		read_class(l, s, &music->classes[music->n]);
		find_files(l, &music->classes[music->n++]);
	}
	places_take(l->c, &ini);
}

const struct conf_moh *conf_moh(const struct conf *c, struct span name)
{
	for (size_t i = 0; i < c->music->n; i++)
		if (span_ieq(name, span_of(c->music->classes[i].o.name)))
			return &c->music->classes[i];
	return NULL;
}
