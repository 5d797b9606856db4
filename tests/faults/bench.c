/*
 * tests/faults/bench.c: the fault bench. Each story here makes one fault that users have, asks the doctor what is
 * wrong, does what it says, and shows that the fault is gone. This plays them all and prints what was asked for, what
 * was said, and a confusion matrix. Of a fault that cannot happen here the story shows just that.
 *
 *   faults [--verbose] STORY|FOLDER…
 */
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/out.h"
#include "sim/story.h"

#define PAIRS 128

struct pair { /* one cell of the confusion matrix */
	char want[48], said[8];
	unsigned times;
};

struct bench {
	bool verbose;
	unsigned right, wrong, undecided, mended, broken, harmless;
	struct pair pairs[PAIRS];
	size_t n_pairs;
};

static bool is_among(const struct story_verdict *v)
{
	struct span codes = span_of(v->want), one;

	while (span_cut(&codes, '|', &one))
		if (span_is(one, v->said))
			return true;
	return false;
}

static void count_pair(struct bench *b, const struct story_verdict *v)
{
	size_t i = 0;

	while (i < b->n_pairs && (strcmp(b->pairs[i].want, v->want) != 0 || strcmp(b->pairs[i].said, v->said) != 0))
		i++;
	if (i == PAIRS)
		return;
	if (i == b->n_pairs) {
		struct pair *p = &b->pairs[b->n_pairs++];

		span_copy(span_of(v->want), p->want, sizeof p->want);
		span_copy(span_of(v->said), p->said, sizeof p->said);
	}
	b->pairs[i].times++;
}

static const char *judge(struct bench *b, const struct story_verdict *v)
{
	count_pair(b, v);
	if (is_among(v)) {
		b->right++;
		return "right";
	}
	if (!v->said[0] || v->guess) {
		b->undecided++;
		return "undecided";
	}
	b->wrong++;
	return "WRONG";
}

static void play(struct bench *b, const struct story *s, unsigned variant)
{
	struct story_run run = { .seed = 1, .variant = variant, .trace = b->verbose };
	struct out name = out_growing();
	struct story_result res;

	story_play(s, &run, &res);
	story_variant_name(s, variant, &name);
	for (unsigned i = 0; i < res.n_verdicts; i++)
		printf("%-26s %-28.*s %-16s %-7s %s\n", i ? "" : story_name(s), i ? 0 : (int)name.n, name.p,
		       res.verdicts[i].want, res.verdicts[i].said[0] ? res.verdicts[i].said : "-",
		       judge(b, &res.verdicts[i]));
	if (story_harmless(s))
		printf("%-26s %-28s cannot happen here: %s\n", story_name(s), "", story_harmless(s));
	b->harmless += res.ok && story_harmless(s);
	b->mended += res.ok && !story_harmless(s);
	b->broken += !res.ok;
	if (!res.ok)
		printf("  FAIL %s: %s\n%s\n", res.place, res.why, res.trace && b->verbose ? res.trace : "");
	free(res.trace);
	out_free(&name);
}

static void play_path(struct bench *b, const char *path)
{
	char *pattern = xasprintf("%s/*.scn", path), *why = NULL;
	glob_t found = { 0 };
	bool folder = glob(pattern, 0, NULL, &found) == 0;

	for (size_t i = 0; i < (folder ? found.gl_pathc : 1); i++) {
		struct story *s = story_load(folder ? found.gl_pathv[i] : path, &why);

		for (unsigned v = 0; s && v < story_variants(s); v++)
			play(b, s, v);
		if (!s)
			printf("FAIL %s\n", why);
		b->broken += !s;
		free(why);
		why = NULL;
		if (s)
			story_free(s);
	}
	globfree(&found);
	free(pattern);
}

static void print_confusion(const struct bench *b)
{
	printf("\nwhat it was, and what was said of it:\n");
	for (size_t i = 0; i < b->n_pairs; i++)
		printf("  %-16s %-7s %3u\n", b->pairs[i].want, b->pairs[i].said[0] ? b->pairs[i].said : "-",
		       b->pairs[i].times);
	printf("verdicts: %u right, %u wrong, %u undecided; faults: %u gone after the fix, %u cannot happen here, "
	       "%u failed\n",
	       b->right, b->wrong, b->undecided, b->mended, b->harmless, b->broken);
}

int main(int argc, char **argv)
{
	struct bench b = { 0 };
	unsigned bad;

	setenv("TZ", "UTC", 1);
	printf("%-26s %-28s %-16s %-7s\n", "fault", "", "it is", "said");
	for (int i = 1; i < argc; i++)
		if (strcmp(argv[i], "--verbose") == 0)
			b.verbose = true;
		else
			play_path(&b, argv[i]);
	print_confusion(&b);
	bad = b.wrong + b.undecided + b.broken;
	printf("%u passed, %u failed, 0 skipped\n", b.right + b.mended + b.harmless, bad);
	return bad || !b.mended;
}
