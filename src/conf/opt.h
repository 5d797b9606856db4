/*
 * conf/opt.h: the option tables. Private to conf (tools and documents come through conf.h).
 *
 * An option is one row: its name, what values it takes, where the value is kept, the default, the bounds, and whether
 * hairpin acts on it. Parsing, checking, `show`, the manual and the coverage report all come from the row.
 */
#pragma once
#include "base/arena.h"
#include "conf/conf.h"
#include "conf/ini.h"

struct opt;
struct opt_type;

struct opt_cx { /* one value being set, or one object being checked */
	struct conf *c;
	struct arena *arena;
	struct diag *why;
	const struct ini *acl; /* acl.conf; empty when there is none */
	const struct opt_type *type;
	struct conf_obj *obj;
	const struct opt *opt;
	const char *file;
	unsigned line;
};

/* Sets *field from the text, or says why not (opt_bad) and returns false. */
typedef bool opt_set(struct opt_cx *cx, void *field, struct span v);
/* Prints the field as Asterisk's `show` does. */
typedef void opt_show(const struct opt *opt, const void *field, const void *obj, struct out *o);

enum opt_kind {
	OPT_BOOL,
	OPT_UINT,
	OPT_INT,
	OPT_DOUBLE,
	OPT_STR,
	OPT_URI,   /* sip: or sips: */
	OPT_ENUM,  /* one of names[], kept as its index */
	OPT_FLAGS, /* a list of names[], kept as bits */
	OPT_LIST,  /* each line adds one text */
	OPT_TOS,
	OPT_SECRET,
	OPT_CODECS,
	OPT_REF,  /* the name of an object of type `of`, kept as a pointer to it */
	OPT_REFS, /* a list of them: an array at `at`, its length at `at_n` */
	OPT_CUSTOM,
};

struct opt {
	const char *name;
	enum opt_kind kind;
	uint16_t at; /* where in the object; 0: nowhere, the text itself is kept */
	const char *def;
	double min, max; /* both 0: the kind's own bounds */
	const char *unit;
	const char *const *names; /* ends with NULL; "a/b" are two words for one thing, the first is shown */
	opt_set *set;             /* OPT_CUSTOM */
	opt_show *show;
	const char *of;
	uint16_t at_n;
	const char *waits_for; /* not served yet: what will bring it */
	const char *no_effect; /* accepted, never acted on: why */
	bool loud;             /* waits_for, and going without it is worth a warning */
	const char *help;
};

struct opt_type {
	const char *name;
	const struct opt *opts;
	size_t size;        /* of the object; 0: values are checked and dropped */
	size_t list, count; /* offsets in struct conf: of the array and its length, */
	bool one;           /* or of the only object */
	bool any_option;    /* names that are not in the table are taken, too */
	bool lenient; /* a wrong name or value is a warning and the default stays, as Asterisk does in this file */
	void (*finish)(struct opt_cx *cx, void *obj); /* checks across options */
	const char *file, *help;
};

extern const struct opt_type conf_types[]; /* ends with a row without name */
enum { TYPE_TRANSPORT = 2, TYPE_ENDPOINT, TYPE_AUTH, TYPE_AOR, TYPE_REGISTRATION = 7 }; /* rows looked up by name */
enum { TYPE_MAX = 24 };
const struct opt_type *opt_type(struct span name);
const struct opt *opt_find(const struct opt_type *t, struct span name);
size_t opt_count(const struct opt_type *t);

/* Fills in the defaults of every option. */
void opt_defaults(struct opt_cx *cx);
/* One line of a section of cx->type for cx->obj: finds the option and sets it. */
bool opt_apply(struct opt_cx *cx, struct ini_line *l);
/* The value as `show` prints it. */
void opt_print(const struct opt_type *t, size_t row, const struct conf_obj *obj, struct out *o);

/* Say what is wrong with the value or the object at hand, with its place and name. opt_bad returns false. */
bool opt_bad(struct opt_cx *cx, const char *fmt, ...) PRINTF(2, 3);
void opt_warn(struct opt_cx *cx, const char *fmt, ...) PRINTF(2, 3);
/* The same without the option's name in front. */
bool opt_bad_object(struct opt_cx *cx, const char *fmt, ...) PRINTF(2, 3);

bool opt_is_bool(struct span v, bool *value); /* Asterisk's words for yes and no */
bool opt_is_sip_uri(struct span v);           /* by its shape */
/* Is the option written for this object? */
bool opt_is_set(const struct opt_type *t, const struct conf_obj *o, const struct opt *opt);
bool opt_is_written(const struct opt_type *t, const struct conf_obj *o, const char *name);

/* Setters and printers of OPT_CUSTOM rows (special.c, access.c, general.c). */
opt_set set_bind, set_contact, set_callerid, set_password_digest, set_hex32, set_external_host, set_domain, set_order;
opt_set set_external_address, set_stunaddr;
opt_set set_local_net, set_permit, set_deny, set_acl_names, set_match;
opt_set set_port, set_strictrtp, set_probation, set_rtcpinterval, set_compat;
opt_show show_bind, show_callerid, show_digests, show_strs, show_secret, show_net_list, show_acl, show_match;
opt_show show_port, show_strictrtp, show_compat, show_nothing;
void strs_add(struct arena *a, struct strs *l, const char *text);
/* An array of n items that may take one more: `v`, or a copy with twice the room when n is a power of two (or 0). */
void *array_grow(struct arena *a, void *v, size_t n, size_t item);

/* The tables (table_*.c); each ends with a row without name. */
extern const struct opt endpoint_opts[], global_opts[], system_opts[], transport_opts[], auth_opts[], aor_opts[];
extern const struct opt identify_opts[], registration_opts[], acl_opts[], domain_alias_opts[], contact_opts[];
extern const struct opt outbound_publish_opts[], inbound_publication_opts[], asterisk_publication_opts[];
extern const struct opt resource_list_opts[], phoneprov_opts[], rtp_opts[], dnsmgr_opts[], hairpin_opts[];
extern const struct opt moh_opts[], cdr_opts[], features_opts[];

void conf_automatic(struct conf *c); /* automatic.c: after everything is read */

/* Checks across the options of one object (check.c). */
typedef void opt_finish(struct opt_cx *cx, void *obj);
opt_finish finish_global, finish_system, finish_transport, finish_auth, finish_aor, finish_endpoint;
opt_finish finish_identify, finish_registration, finish_rtp;

/* What conf.c needs of the others. */
struct name_index { /* an array of objects of one type, and their names */
	char *objects;
	size_t size, n; /* of one; of them */
	struct name_slot {
		uint32_t hash; /* of its name */
		uint32_t nth;  /* from 1; 0: free */
	} * slots;
	size_t n_slots; /* a power of two, at least twice as many as there will be */
};
struct conf_priv {
	struct arena *arena;
	unsigned refs;
	conf_free_fn *free_by; /* NULL: nobody */
	void *free_arg;
	struct name_index by_name[TYPE_MAX]; /* by the row in conf_types */
	struct name_index left_out;          /* transports that are not served */
	const struct conf_cdr *cdr;          /* conf/cdr.h */
	struct places *places;               /* NULL: not kept */
	const struct conf_features *features;
};
const struct conf_obj *index_find(const struct name_index *x, struct span name);
void index_make(struct name_index *x, struct arena *a,
		size_t n); /* for n objects; `objects` and `size` are the caller's */
/* The next object, which has a name. Returns the one that had it before, or NULL. */
const struct conf_obj *index_add(struct name_index *x);
static inline struct conf_obj *index_at(const struct name_index *x, size_t i)
{
	return (struct conf_obj *)(void *)(x->objects + i * x->size);
}
struct name_index *index_of(const struct conf *c, const char *type);

/* places.c */
void places_keep(struct conf *c);
void places_take(struct conf *c, struct ini *ini); /* keeps it, or frees it */

struct load { /* one conf_load() */
	struct conf *c;
	struct arena *arena;
	const struct conf_source *src;
	struct diag *why;
};
/* ini_load() of a file that may be missing: false when it is. If it is there and may not be read, that is an error. */
bool load_optional(struct load *l, struct ini *ini, const char *path); /* conf.c */
void load_pjsip(struct load *l);                                       /* pjsip.c */
void load_general(struct load *l);                                     /* general.c: rtp.conf, hairpin.conf */
void load_dialplan(struct load *l);                                    /* dialplan.c */
void load_features(struct load *l);                                    /* features.c */
void load_moh(struct load *l);                                         /* musiconhold.c; hairpin.conf has been read */
void load_cdr(struct load *l);                                         /* cdr.c */
