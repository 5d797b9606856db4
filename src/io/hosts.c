/*
 * io/hosts.c: /etc/hosts (hosts(5)): an address and its names on each line. A name may stand on several lines, once for
 * each address; the order of the lines is kept.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/priv.h"

#define FILE_MAX  (16u << 20)
#define ADDRS_MAX 16 /* per name */

struct host {
	UT_hash_handle hh;
	struct addr as[ADDRS_MAX];
	size_t n;
	char name[];
};

struct hosts {
	struct host *table;
};

/* Lower case, without the dot of the root. */
static size_t fold(const char *name, size_t n, char *buf, size_t cap)
{
	if (n && name[n - 1] == '.')
		n--;
	if (n >= cap)
		return 0;
	for (size_t i = 0; i < n; i++)
		buf[i] = (name[i] >= 'A' && name[i] <= 'Z') ? (char)(name[i] + 32) : name[i];
	buf[n] = '\0';
	return n;
}

static void add(struct hosts *h, struct span name, const struct addr *a)
{
	char key[256];
	size_t n = fold(name.p, name.n, key, sizeof key);
	struct host *x;

	if (!n)
		return;
	HASH_FIND(hh, h->table, key, n, x);
	if (!x) {
		x = xcalloc(1, sizeof *x + n + 1);
		memcpy(x->name, key, n);
		HASH_ADD(hh, h->table, name[0], n, x);
	}
	if (x->n < ADDRS_MAX)
		x->as[x->n++] = *a;
}

struct hosts *hosts_parse(struct span text)
{
	struct hosts *h = xcalloc(1, sizeof *h);
	struct span line, word;

	while (span_cut(&text, '\n', &line)) {
		struct span body = SPAN_NONE;
		struct addr a;

		span_cut(&line, '#', &body);
		if (!span_word(&body, &word) || !addr_parse_ip(word, &a))
			continue;
		while (span_word(&body, &word))
			add(h, word, &a);
	}
	return h;
}

struct hosts *hosts_read(const char *path)
{
	struct out o = out_growing();
	FILE *f = fopen(path, "re");
	struct hosts *h;
	char buf[4096];
	size_t n;

	while (f && o.n < FILE_MAX && (n = fread(buf, 1, sizeof buf, f)) > 0)
		out_bytes(&o, buf, n);
	if (f)
		fclose(f);
	h = hosts_parse(out_look(&o));
	out_free(&o);
	return h;
}

void hosts_free(struct hosts *h)
{
	struct host *x, *next;

	if (!h)
		return;
	HASH_ITER(hh, h->table, x, next) {
		HASH_DEL(h->table, x);
		free(x);
	}
	free(h);
}

size_t hosts_find(const struct hosts *h, const char *name, uint8_t family, struct addr *as, size_t max)
{
	char key[256];
	size_t n = fold(name, strlen(name), key, sizeof key), found = 0;
	struct host *x = NULL;

	if (n)
		HASH_FIND(hh, h->table, key, n, x);
	for (size_t i = 0; x && i < x->n && found < max; i++)
		if (x->as[i].family == family)
			as[found++] = x->as[i];
	return found;
}
