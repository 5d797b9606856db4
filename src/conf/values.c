/*
 * conf/values.c: how values are read and printed. A setter gets the trimmed text and the field; it changes the field
 * only when the text is right, and otherwise names what is allowed. Texts that are kept are copied into the snapshot.
 */
#include "conf/values.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

bool opt_is_bool(struct span v, bool *value)
{
	static const char *const words[] = { "no", "yes", "false", "true", "off", "on", "n", "y", "f", "t", "0", "1" };

	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (span_iis(v, words[i])) {
			*value = i % 2;
			return true;
		}
	return false;
}

static bool set_bool(struct opt_cx *cx, void *field, struct span v)
{
	bool yes;

	if (!opt_is_bool(v, &yes))
		return opt_bad(cx, "'%.*s' is neither yes nor no", SP(v));
	*(bool *)field = yes;
	return true;
}

static void show_bool(const struct opt *opt, const void *field, const void *obj, struct out *o)
{
	(void)opt, (void)obj;
	out_str(o, *(const bool *)field ? "true" : "false");
}

/* ---- numbers ---- */

static bool in_bounds(const struct opt *opt, double low, double high, double v)
{
	if (opt->min || opt->max) {
		low = opt->min;
		high = opt->max;
	}
	return v >= low && v <= high;
}

static bool bad_number(struct opt_cx *cx, struct span v, double low, double high)
{
	const struct opt *opt = cx->opt;

	if (opt->min || opt->max) {
		low = opt->min;
		high = opt->max;
	}
	return opt_bad(cx, "'%.*s' is not a number from %.15g to %.15g", SP(v), low, high);
}

static bool set_uint(struct opt_cx *cx, void *field, struct span v)
{
	uint32_t n;

	if (!span_u32(v, UINT32_MAX, &n) || !in_bounds(cx->opt, 0, UINT32_MAX, n))
		return bad_number(cx, v, 0, UINT32_MAX);
	*(uint32_t *)field = n;
	return true;
}

static void show_uint(const struct opt *opt, const void *field, const void *obj, struct out *o)
{
	(void)opt, (void)obj;
	out_uint(o, *(const uint32_t *)field);
}

static bool set_int(struct opt_cx *cx, void *field, struct span v)
{
	long n;

	if (!span_int(v, &n) || !in_bounds(cx->opt, INT32_MIN, INT32_MAX, (double)n))
		return bad_number(cx, v, INT32_MIN, INT32_MAX);
	*(int *)field = (int)n;
	return true;
}

static void show_int(const struct opt *opt, const void *field, const void *obj, struct out *o)
{
	(void)opt, (void)obj;
	out_fmt(o, "%d", *(const int *)field);
}

/* Digits with an optional fraction: strtod() alone would take "inf", "0x1p3" and the locale's comma. */
static bool is_decimal(struct span v)
{
	size_t dots = 0, digits = 0;

	for (size_t i = 0; i < v.n; i++) {
		dots += v.p[i] == '.';
		digits += isdigit((unsigned char)v.p[i]) != 0;
	}
	return digits && dots <= 1 && dots + digits == v.n;
}

static bool set_double(struct opt_cx *cx, void *field, struct span v)
{
	char text[32];
	double n;

	if (!is_decimal(v) || !span_copy(v, text, sizeof text))
		return bad_number(cx, v, 0, UINT32_MAX);
	n = strtod(text, NULL);
	if (!in_bounds(cx->opt, 0, UINT32_MAX, n))
		return bad_number(cx, v, 0, UINT32_MAX);
	*(double *)field = n;
	return true;
}

static void show_double(const struct opt *opt, const void *field, const void *obj, struct out *o)
{
	(void)opt, (void)obj;
	out_fmt(o, "%f", *(const double *)field);
}

/* ---- texts ---- */

static bool set_str(struct opt_cx *cx, void *field, struct span v)
{
	const char *own = cx->obj->name; /* phones are called what their user is called */

	if (!v.n) /* most are never set: one "" is enough */
		*(const char **)field = "";
	else
		*(const char **)field = span_is(v, own) ? own : arena_str(cx->arena, v);
	return true;
}

static void show_str(const struct opt *opt, const void *field, const void *obj, struct out *o)
{
	const char *text = *(const char *const *)field;

	(void)opt, (void)obj;
	out_str(o, text ? text : "");
}

bool opt_is_sip_uri(struct span v)
{
	long at, end;

	if (v.n > 2 && v.p[0] == '<' && v.p[v.n - 1] == '>')
		v = span_sub(v, 1, v.n - 2);
	if (span_istarts(v, SPAN("sips:")))
		v = span_from(v, 5);
	else if (span_istarts(v, SPAN("sip:")))
		v = span_from(v, 4);
	else
		return false;
	for (size_t i = 0; i < v.n; i++)
		if ((unsigned char)v.p[i] <= ' ' || strchr("<>\"", v.p[i]))
			return false;
	at = span_rchr(v, '@');
	if (at == 0)
		return false;
	v = span_from(v, (size_t)(at + 1));
	for (end = 0; (size_t)end < v.n && !strchr(";?", v.p[end]);)
		end++;
	return end > 0 && v.p[0] != ':';
}

static bool set_uri(struct opt_cx *cx, void *field, struct span v)
{
	if (v.n && !opt_is_sip_uri(v))
		return opt_bad(cx, "'%.*s' is not a SIP URI (sip:user@host:port or sips:…)", SP(v));
	return set_str(cx, field, v);
}

static bool set_secret(struct opt_cx *cx, void *field, struct span v)
{
	if (cx->opt->at)
		secret_set(field, v);
	return true;
}

void show_secret(const struct opt *opt, const void *field, const void *obj, struct out *o)
{
	(void)opt, (void)obj;
	out_str(o, ((const struct secret *)field)->n ? "***" : "");
}

/* ---- lists of texts ---- */

void *array_grow(struct arena *a, void *v, size_t n, size_t item)
{
	void *more;

	if (n & (n - 1))
		return v;
	more = arena_alloc(a, (n ? n * 2 : 1) * item);
	if (n)
		memcpy(more, v, n * item);
	return more;
}

void strs_add(struct arena *a, struct strs *l, const char *text)
{
	l->v = array_grow(a, l->v, l->n, sizeof l->v[0]);
	l->v[l->n++] = text;
}

static bool set_list(struct opt_cx *cx, void *field, struct span v)
{
	if (v.n)
		strs_add(cx->arena, field, arena_str(cx->arena, v));
	return true;
}

void show_strs(const struct opt *opt, const void *field, const void *obj, struct out *o)
{
	const struct strs *l = field;

	(void)opt, (void)obj;
	for (size_t i = 0; i < l->n; i++)
		out_fmt(o, "%s%s", i ? "," : "", l->v[i]);
}

/* ---- words ---- */

bool enum_name_is(const char *name, struct span v)
{
	struct span rest = span_of(name), word;

	while (span_cut(&rest, '/', &word))
		if (span_ieq(word, v))
			return true;
	return false;
}

struct span enum_name_shown(const char *name)
{
	struct span rest = span_of(name), word = SPAN_NONE;

	span_cut(&rest, '/', &word);
	return word;
}

static bool bad_word(struct opt_cx *cx, struct span v)
{
	struct out o = out_growing();
	const char *const *names = cx->opt->names;

	for (size_t i = 0; names[i]; i++) {
		out_str(&o, i == 0 ? "" : names[i + 1] ? ", " : " or ");
		out_span(&o, enum_name_shown(names[i]));
	}
	opt_bad(cx, "'%.*s' is not one of %.*s", SP(v), SP(out_look(&o)));
	out_free(&o);
	return false;
}

static bool find_word(struct opt_cx *cx, struct span v, unsigned *index)
{
	const char *const *names = cx->opt->names;
	unsigned i = 0;

	while (names[i] && !enum_name_is(names[i], v))
		i++;
	*index = i;
	return names[i] || bad_word(cx, v);
}

/* The fields are enums of the compiler's making (ints), hence memcpy. */
static bool set_enum(struct opt_cx *cx, void *field, struct span v)
{
	unsigned index;

	if (!find_word(cx, v, &index))
		return false;
	memcpy(field, &index, sizeof index);
	return true;
}

static void show_enum(const struct opt *opt, const void *field, const void *obj, struct out *o)
{
	unsigned index;

	(void)obj;
	memcpy(&index, field, sizeof index);
	out_span(o, enum_name_shown(opt->names[index]));
}

static bool set_flags(struct opt_cx *cx, void *field, struct span v)
{
	uint32_t bits = 0;
	struct span item;
	unsigned index;

	while (v.n && span_cut(&v, ',', &item)) {
		if (!find_word(cx, span_trim(item), &index))
			return false;
		bits |= 1u << index;
	}
	*(uint32_t *)field = bits;
	return true;
}

static void show_flags(const struct opt *opt, const void *field, const void *obj, struct out *o)
{
	uint32_t bits = *(const uint32_t *)field;
	const char *sep = "";

	(void)obj;
	for (unsigned i = 0; opt->names[i]; i++)
		if (bits >> i & 1) {
			out_str(o, sep);
			out_span(o, enum_name_shown(opt->names[i]));
			sep = ",";
		}
}

/* ---- type of service ---- */

/* RFC 2474 class selectors, RFC 2597 assured forwarding, RFC 3246, RFC 5865: the six bits' names, as whole octets. */
static bool tos_by_name(struct span v, uint8_t *tos)
{
	unsigned a, b;

	if (span_iis(v, "ef"))
		*tos = 0xb8;
	else if (span_iis(v, "va"))
		*tos = 0xb0;
	else if (span_iis(v, "none"))
		*tos = 0;
	else if (v.n == 3 && span_istarts(v, SPAN("cs")) && (a = (unsigned)(v.p[2] - '0')) <= 7)
		*tos = (uint8_t)(a << 5);
	else if (v.n == 4 && span_istarts(v, SPAN("af")) && (a = (unsigned)(v.p[2] - '1')) <= 3 &&
		 (b = (unsigned)(v.p[3] - '1')) <= 2)
		*tos = (uint8_t)((a + 1) << 5 | (b + 1) << 3);
	else
		return false;
	return true;
}

static bool tos_by_number(struct span v, uint8_t *tos)
{
	char text[8], *end;
	unsigned long n;
	bool hex = span_istarts(v, SPAN("0x"));
	uint32_t dec;

	if (!hex) {
		if (!span_u32(v, 255, &dec))
			return false;
		*tos = (uint8_t)dec;
		return true;
	}
	if (!span_copy(span_from(v, 2), text, sizeof text) || !isxdigit((unsigned char)text[0]))
		return false;
	n = strtoul(text, &end, 16);
	*tos = (uint8_t)n;
	return !*end && n <= 255;
}

static bool set_tos(struct opt_cx *cx, void *field, struct span v)
{
	uint8_t tos;

	if (!tos_by_name(v, &tos) && !tos_by_number(v, &tos))
		return opt_bad(cx, "'%.*s' is not a type of service (cs0 to cs7, af11 to af43, ef, or 0 to 255)",
			       SP(v));
	*(uint8_t *)field = tos;
	return true;
}

static void show_tos(const struct opt *opt, const void *field, const void *obj, struct out *o)
{
	(void)opt, (void)obj;
	out_uint(o, *(const uint8_t *)field);
}

/* ---- codecs ---- */

/* Formats that Asterisk knows and we do not carry: written in many files that are right. */
static const char *const other_codecs[] = { "adpcm",  "aptx",    "codec2",  "g719",    "g726aal2", "g723.1",  "h261",
					    "h263",   "h263p",   "h264",    "h265",    "jpeg",     "lpc10",   "mpeg4",
					    "none",   "opus_48", "png",     "red",     "silk8",    "silk12",  "silk16",
					    "silk24", "siren14", "siren7",  "slin12",  "slin24",   "slin32",  "slin44",
					    "slin48", "slin96",  "slin192", "speex32", "t140",     "t140red", "testlaw",
					    "vp8",    "vp9",     "amr",     "amrwb",   "evs" };

static bool unknown_codec(struct opt_cx *cx, struct span name)
{
	const char *names[CODEC_COUNT + 1], *near;
	char text[64];

	for (size_t i = 0; i < ARRAY_LEN(other_codecs); i++)
		if (span_iis(name, other_codecs[i])) {
			opt_warn(cx, "codec '%.*s' is not served; it is left out", SP(name));
			return true;
		}
	for (size_t i = 0; i < CODEC_COUNT; i++)
		names[i] = codec_descs[i].name;
	names[CODEC_COUNT] = "all";
	span_copy(name, text, sizeof text);
	near = diag_nearest(text, names, ARRAY_LEN(names));
	if (near)
		return opt_bad(cx, "unknown codec '%.*s', did you mean '%s'?", SP(name), near);
	return opt_bad(cx, "unknown codec '%.*s'", SP(name));
}

static bool change_codecs(struct opt_cx *cx, struct codec_list *l, struct span name, bool add)
{
	struct span frame = name;
	enum codec c;

	span_cut(&frame, ':', &name); /* "ulaw:40": the packet time is the peer's to ask for */
	name = span_trim(name);
	c = codec_by_name(name);
	if (span_iis(name, "all")) {
		l->n = 0;
		for (unsigned i = 0; add && i < CODEC_COUNT; i++)
			codec_list_add(l, (enum codec)i);
		return true;
	}
	if (c == CODEC_NONE)
		return unknown_codec(cx, name);
	if (add)
		codec_list_add(l, c);
	else
		codec_list_del(l, c);
	return true;
}

static bool set_codecs(struct opt_cx *cx, void *field, struct span v)
{
	struct codec_list l = *(struct codec_list *)field;
	bool allow = span_iis(span_of(cx->opt->name), "allow");
	struct span item;

	while (v.n && span_cut(&v, ',', &item)) {
		item = span_trim(item);
		if (item.n && !change_codecs(cx, &l, item, span_take_char(&item, '!') ? !allow : allow))
			return false;
	}
	*(struct codec_list *)field = l;
	return true;
}

static void show_codecs(const struct opt *opt, const void *field, const void *obj, struct out *o)
{
	const struct codec_list *l = field;

	(void)obj;
	if (strcmp(opt->name, "allow") != 0)
		return; /* what `disallow` took away is what `allow` does not list */
	out_char(o, '(');
	for (unsigned i = 0; i < l->n; i++)
		out_fmt(o, "%s%s", i ? "|" : "", codec_descs[l->id[i]].name);
	out_char(o, ')');
}

/* ---- references to other objects ---- */

static bool dangling(struct opt_cx *cx, struct span name)
{
	const struct name_index *x = index_of(cx->c, cx->opt->of);
	const char **names = xcalloc(x->n + 1, sizeof *names), *near;
	char text[128];

	for (size_t i = 0; i < x->n; i++)
		names[i] = index_at(x, i)->name;
	span_copy(name, text, sizeof text);
	near = diag_nearest(text, names, x->n);
	free(names);
	if (near)
		return opt_bad(cx, "there is no %s '%s', did you mean '%s'?", cx->opt->of, text, near);
	return opt_bad(cx, "there is no %s '%s'", cx->opt->of, text);
}

static bool set_ref(struct opt_cx *cx, void *field, struct span v)
{
	const struct conf_obj *target = NULL;

	if (v.n && !(target = index_find(index_of(cx->c, cx->opt->of), v))) {
		if (strcmp(cx->opt->of, "transport") != 0 || !index_find(&cx->c->priv->left_out, v))
			return dangling(cx, v);
		opt_warn(cx, "transport '%.*s' is left out, so it is chosen by the destination", SP(v));
	}
	*(const struct conf_obj **)field = target;
	return true;
}

static void show_ref(const struct opt *opt, const void *field, const void *obj, struct out *o)
{
	const struct conf_obj *target = *(const struct conf_obj *const *)field;

	(void)opt, (void)obj;
	out_str(o, target ? target->name : "");
}

static bool set_refs(struct opt_cx *cx, void *field, struct span v)
{
	size_t most = 1, n = 0;
	const struct conf_obj **list;
	struct span item;

	for (size_t i = 0; i < v.n; i++)
		most += v.p[i] == ',';
	list = arena_alloc(cx->arena, most * sizeof(struct conf_obj *));
	while (v.n && span_cut(&v, ',', &item)) {
		item = span_trim(item);
		if (!item.n)
			continue;
		list[n] = index_find(index_of(cx->c, cx->opt->of), item);
		if (!list[n++])
			return dangling(cx, item);
	}
	*(const struct conf_obj ***)field = list;
	*(size_t *)(void *)((char *)cx->obj + cx->opt->at_n) = n;
	return true;
}

static void show_refs(const struct opt *opt, const void *field, const void *obj, struct out *o)
{
	const struct conf_obj *const *list = *(const struct conf_obj *const *const *)field;
	size_t n = *(const size_t *)(const void *)((const char *)obj + opt->at_n);

	for (size_t i = 0; i < n; i++)
		out_fmt(o, "%s%s", i ? "," : "", list[i]->name);
}

const struct opt_kind_desc opt_kinds[OPT_CUSTOM + 1] = {
	[OPT_BOOL] = { set_bool, show_bool, "yes, no" },
	[OPT_UINT] = { set_uint, show_uint, "number" },
	[OPT_INT] = { set_int, show_int, "number" },
	[OPT_DOUBLE] = { set_double, show_double, "number" },
	[OPT_STR] = { set_str, show_str, "text" },
	[OPT_URI] = { set_uri, show_str, "SIP URI" },
	[OPT_ENUM] = { set_enum, show_enum, "" },
	[OPT_FLAGS] = { set_flags, show_flags, "list of" },
	[OPT_LIST] = { set_list, show_strs, "text, repeatable" },
	[OPT_TOS] = { set_tos, show_tos, "cs0…cs7, af11…af43, ef, 0…255" },
	[OPT_SECRET] = { set_secret, show_secret, "secret" },
	[OPT_CODECS] = { set_codecs, show_codecs, "list of codecs" },
	[OPT_REF] = { set_ref, show_ref, "name" },
	[OPT_REFS] = { set_refs, show_refs, "list of names" },
	[OPT_CUSTOM] = { set_str, show_str, "text" },
};
