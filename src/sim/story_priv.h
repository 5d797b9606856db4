/* sim/story_priv.h: what the files of the story language share. Not for others. */
#pragma once
#include "sim/priv.h"
#include "sim/story.h"

#define WORDS_MAX 40

struct story_line {
	char *file, *text;
	char *block; /* the text between << and >>, or of the file after <; NULL: none */
	unsigned no;
};
struct story_each {
	char *name;
	char **values;
	size_t n;
};
struct story {
	char *path, *name;
	struct story_line *lines;
	size_t n_lines;
	struct story_each each[8];
	size_t n_each;
	enum story_loss loss;
	char *harmless; /* NULL: not said */
};

struct words {
	char *w[WORDS_MAX];
	int n;
	char *buf;
	const char *block;
};

/* A file of a PBX's configuration. */
struct page {
	char *name, *text;
};
struct tale_pbx {
	struct sim_host *host;
	struct sim_pbx *pbx; /* NULL: never started */
	struct conf_source source;
	struct page pages[8];
	size_t n_pages;
};
/* A host that sends what the story writes, byte for byte. */
struct raw_msg {
	char *text;
	unsigned mark;
};
struct raw_rule { /* answers every request of a method */
	char method[16], *headers, *body;
	unsigned code;
	bool untagged; /* To stays as it is */
	bool same;     /* To gets the tag of the rule before */
};
struct tale_raw {
	struct tale *tale;
	struct sim_host *host;
	uint32_t sock; /* the UDP socket, or the TCP listener */
	struct flow conn;
	struct addr local;
	bool tcp;
	unsigned sends;
	char to_tag[128], nonce[128], rseq[128];
	struct raw_msg *got;
	size_t n_got;
	struct raw_rule rules[8];
	size_t n_rules;
	char *last; /* its last response by rule, and where that went */
	struct flow last_flow;
};

enum thing_kind { A_NET, A_PBX, A_PHONE, A_RAW, A_STUN };
struct thing {
	enum thing_kind kind;
	char name[32];
	struct sim_net *net;
	struct sim_host *host;
	struct tale_pbx *pbx;
	struct sim_phone *phone;
	struct tale_raw *raw;
};

struct wire_note {
	const char *net;
	struct addr from, to;
	char *text;
	unsigned mark;
};
struct event_note {
	char *text;
	unsigned mark;
};

struct tale { /* one run of one story */
	const struct story *story;
	const struct story_run *run;
	struct story_result *res;
	struct sim *sim;
	const struct story_line *line;
	struct thing things[64];
	size_t n_things;
	struct wire_note *wires;
	size_t n_wires;
	struct event_note *events;
	size_t n_events;
	unsigned mark;
	ms_t began;
	bool failed;
	struct out trace;
};

/* story.c */
void tale_fail(struct tale *t, const char *fmt, ...) PRINTF(2, 3); /* the first one counts */
bool parse_time(const char *s, ms_t *v);                           /* "500ms", "32s", "2m", "1h" */
const char *word_opt(const struct words *w, const char *name);     /* of "name=value"; NULL: not given */
bool word_is(const struct words *w, int at, const char *text);
bool word_flag(const struct words *w, const char *name); /* the bare word, after the first two */
uint32_t word_number(const char *text, uint32_t def);    /* NULL: def; no number: 0 */
ms_t word_time(struct tale *t, const char *text);
struct thing *thing_find(struct tale *t, const char *name);
/* The thing of this kind, or NULL after tale_fail(). */
struct thing *thing_get(struct tale *t, const char *name, enum thing_kind kind);

/* Each says whether the statement was one of its own. */
bool world_statement(struct tale *t, const struct words *w); /* story_world.c */
bool act_statement(struct tale *t, const struct words *w);   /* story_act.c */
bool nat_statement(struct tale *t, const struct words *w);   /* story_nat.c */
void stun_make(struct tale *t, struct thing *x, const struct words *w);
void world_end(struct tale *t); /* everything stops; nothing may be left */
void world_free(struct tale *t);
void raw_make(struct tale *t, struct thing *x, const struct words *w); /* story_raw.c */
bool raw_statement(struct tale *t, struct thing *x, const struct words *w);
bool raw_got(const struct tale *t, const struct tale_raw *r, const struct words *w, int from);
void raw_free(struct tale_raw *r);
void expect_statement(struct tale *t, const struct words *w); /* story_expect.c */
