/* tests/matrix/doc.c: docs/nat-matrix.md and its picture, from the verdicts. */
#include "matrix.h"

#include <stdlib.h>
#include <string.h>

struct tally {
	unsigned n[MIRACLE + 1], all;
};

static struct tally tally_of(const struct verdict_of *all, enum config config, int where, int party)
{
	struct tally t = { 0 };

	for (unsigned i = 0; i < CELLS; i++) {
		struct cell c = cell_at(i);

		if (c.config != config || (where >= 0 && (int)c.spot.where != where) ||
		    (party >= 0 && (int)c.spot.party != party))
			continue;
		t.n[all[i].is]++;
		t.all++;
	}
	return t;
}

/* ---- sentences, each once ---- */

struct sentences {
	const char *text[64];
	unsigned times[64];
	size_t n;
};

static void note(struct sentences *s, const char *text)
{
	size_t i = 0;

	while (i < s->n && strcmp(s->text[i], text) != 0)
		i++;
	if (i == ARRAY_LEN(s->text))
		return;
	if (i == s->n) {
		s->text[s->n] = text;
		s->times[s->n++] = 0;
	}
	s->times[i]++;
}

static struct sentences sentences_of(const struct verdict_of *all, enum verdict is, int config)
{
	struct sentences s = { 0 };

	for (unsigned i = 0; i < CELLS; i++)
		if (all[i].is == is && (config < 0 || (int)cell_at(i).config == config))
			note(&s, all[i].what);
	return s;
}

/* ---- markdown ---- */

static void put_rows(struct out *o)
{
	out_str(o, "| where the server is | |\n|---|---|\n");
	for (int i = 0; i < WHERES; i++)
		out_fmt(o, "| `%s` | %s |\n", sim_wheres[i].name, sim_wheres[i].help);
	out_str(o, "\n| where a phone is | |\n|---|---|\n");
	for (int i = 0; i < PARTIES; i++)
		out_fmt(o, "| `%s` | %s |\n", sim_parties[i].name, sim_parties[i].help);
	out_str(o, "\n| whom it talks to | |\n|---|---|\n| each of the above | another phone in such a place; two in "
		   "`shared-nat` share their box |\n");
	for (int i = 0; i < PEERS - PARTIES; i++)
		out_fmt(o, "| `%s` | %s |\n", sim_peers[i].name, sim_peers[i].help);
	out_str(o, "\n| what it does | |\n|---|---|\n");
	for (int i = 0; i < FLOWS; i++)
		out_fmt(o, "| `%s` | %s |\n", sim_flows[i].name, sim_flows[i].help);
	out_str(o, "\n| configuration | |\n|---|---|\n");
	for (int i = 0; i < CONFIGS; i++)
		out_fmt(o, "| `%s` | %s |\n", matrix_configs[i].name, matrix_configs[i].help);
}

static void put_tally(struct out *o, const struct tally *t)
{
	if (t->n[IMPOSSIBLE] == t->all)
		out_str(o, "impossible");
	else if (!t->n[FAILURE] && !t->n[MIRACLE] && !t->n[UNTRIED])
		out_fmt(o, "**all %u**", t->n[AUDIO]);
	else
		out_fmt(o, "%u of %u", t->n[AUDIO], t->all - t->n[IMPOSSIBLE]);
}

static void put_table(const struct verdict_of *all, enum config config, struct out *o)
{
	out_str(o, "| |");
	for (int w = 0; w < WHERES; w++)
		out_fmt(o, " %s |", sim_wheres[w].name);
	out_str(o, "\n|---|");
	for (int w = 0; w < WHERES; w++)
		out_str(o, "---|");
	for (int p = 0; p < PARTIES; p++) {
		out_fmt(o, "\n| %s |", sim_parties[p].name);
		for (int w = 0; w < WHERES; w++) {
			struct tally t = tally_of(all, config, w, p);

			out_char(o, ' ');
			put_tally(o, &t);
			out_str(o, " |");
		}
	}
	out_char(o, '\n');
}

static void put_sentences(const struct sentences *s, struct out *o)
{
	for (size_t i = 0; i < s->n; i++)
		out_fmt(o, "- %s (%u)\n", s->text[i], s->times[i]);
}

static void put_config(const struct verdict_of *all, enum config config, struct out *o)
{
	struct tally t = tally_of(all, config, -1, -1);
	struct sentences why = sentences_of(all, FAILURE, (int)config);

	out_fmt(o, "\n## %s\n\n%s.\n\n", matrix_configs[config].name, matrix_configs[config].help);
	out_fmt(o, "%u calls have audio, %u are impossible, %u fail.\n\n", t.n[AUDIO], t.n[IMPOSSIBLE],
		t.n[FAILURE] + t.n[MIRACLE]);
	put_table(all, config, o);
	if (!why.n)
		return;
	out_str(o, "\nHow the others fail:\n\n");
	for (size_t i = 0; i < why.n; i++)
		out_fmt(o, "- %s\n", why.text[i]);
}

void matrix_markdown(const struct verdict_of *all, struct out *o)
{
	struct sentences impossible = sentences_of(all, IMPOSSIBLE, -1);

	out_fmt(o,
		"<!-- written by `make matrix WRITE=1` -->\n# The NAT matrix\n\nhairpin, phones and a provider in "
		"every "
		"place that NAT puts them, in virtual time with the real code: all %u combinations\nof the rows below, "
		"phones and trunk by UDP and by TCP. `make matrix` tries them all and fails when this page would "
		"change.\n"
		"`build/matrix --cell \"NAME\"` tries one and prints its messages.\n\n"
		"A call passes when both sides hear the other's own voice at every step. Every box forgets a mapping "
		"after "
		"%d s. What is\nimpossible is derived from the places alone, and is tried all the same: one that "
		"worked "
		"would be a failure.\n\n![the matrix as a picture](nat-matrix.svg)\n\n",
		CELLS, GROUND_TIMEOUT / 1000);
	put_rows(o);
	out_str(o, "\nThe tables below count the calls of a phone in a place (rows) through a server in a place "
		   "(columns), "
		   "over all others that it\ntalks to, transports and flows.\n");
	for (int i = 0; i < CONFIGS; i++)
		put_config(all, (enum config)i, o);
	out_str(o, "\n## Impossible, and why\n\nWith any configuration, of any server that is where this one is:\n\n");
	put_sentences(&impossible, o);
}

/* ---- the picture ---- */

#define BOX_W 86
#define BOX_H 18
#define LEFT  150
#define TOP   64
#define GAP   3
#define PANEL (TOP + PARTIES * (BOX_H + GAP) + 14)
#define WIDTH (LEFT + WHERES * (BOX_W + GAP) + 20)

static void put_bar(struct out *o, unsigned x, unsigned y, const struct tally *t)
{
	static const struct {
		enum verdict is;
		const char *fill;
	} parts[] = { { AUDIO, "#2e9e5b" }, { IMPOSSIBLE, "#c9ced6" }, { FAILURE, "#d6453d" }, { MIRACLE, "#8a3fd1" } };
	unsigned done = 0, at = 0;

	for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
		unsigned end;

		done += t->n[parts[i].is];
		end = done * BOX_W / t->all;
		if (end > at)
			out_fmt(o, "<rect x=\"%u\" y=\"%u\" width=\"%u\" height=\"%d\" fill=\"%s\"/>\n", x + at, y,
				end - at, BOX_H, parts[i].fill);
		at = end;
	}
}

static void put_panel(const struct verdict_of *all, enum config config, struct out *o)
{
	unsigned top = (unsigned)config * PANEL;

	out_fmt(o, "<text x=\"10\" y=\"%u\" font-size=\"15\" font-weight=\"bold\">%s</text>\n", top + 28,
		matrix_configs[config].name);
	for (int w = 0; w < WHERES; w++)
		out_fmt(o, "<text x=\"%u\" y=\"%u\" font-size=\"9\" text-anchor=\"middle\">%s</text>\n",
			LEFT + (unsigned)w * (BOX_W + GAP) + BOX_W / 2, top + TOP - 8, sim_wheres[w].name);
	for (int p = 0; p < PARTIES; p++) {
		unsigned y = top + TOP + (unsigned)p * (BOX_H + GAP);

		out_fmt(o, "<text x=\"%d\" y=\"%u\" font-size=\"11\" text-anchor=\"end\">%s</text>\n", LEFT - 8, y + 13,
			sim_parties[p].name);
		for (int w = 0; w < WHERES; w++) {
			struct tally t = tally_of(all, config, w, p);

			put_bar(o, LEFT + (unsigned)w * (BOX_W + GAP), y, &t);
		}
	}
}

void matrix_svg(const struct verdict_of *all, struct out *o)
{
	static const char *const legend[][2] = { { "#2e9e5b", "two-way audio" },
						 { "#c9ced6", "impossible" },
						 { "#d6453d", "no audio, or one way" } };
	unsigned height = CONFIGS * PANEL + 40;

	out_fmt(o,
		"<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%u\" viewBox=\"0 0 %d %u\" "
		"font-family=\"sans-serif\">\n<title>The NAT matrix</title>\n"
		"<rect width=\"100%%\" height=\"100%%\" fill=\"#ffffff\"/>\n",
		WIDTH, height, WIDTH, height);
	for (int i = 0; i < CONFIGS; i++)
		put_panel(all, (enum config)i, o);
	for (unsigned i = 0; i < ARRAY_LEN(legend); i++) {
		unsigned x = LEFT + i * 170;

		out_fmt(o,
			"<rect x=\"%u\" y=\"%u\" width=\"14\" height=\"14\" fill=\"%s\"/>\n<text x=\"%u\" y=\"%u\" "
			"font-size=\"12\">%s</text>\n",
			x, height - 30, legend[i][0], x + 20, height - 18, legend[i][1]);
	}
	out_str(o, "</svg>\n");
}
