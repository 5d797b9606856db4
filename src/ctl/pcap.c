/*
 * ctl/pcap.c: "pjsip set logger pcap": messages and packets as a capture file that Wireshark, sngrep and tcpdump read.
 * Each is one datagram in an Ethernet frame with made-up headers: what came by TCP, too, one message a datagram. It
 * ends when it cannot be written or is long enough: a full disk would stop more than a capture.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/trace.h"
#include "ctl/priv.h"

#define MAGIC    0xa1b2c3d4 /* microseconds, in our byte order */
#define ETHERNET 1
#define WHOLE    65535
#define FLUSH    500 /* ms: a reader sees what has happened until then */

struct pcap {
	FILE *file;
	struct pcap_ask ask;
	char *path;
	uint64_t size;
	int err; /* it has ended by itself */
	struct timer flush;
};

/* The user hears of it from the loop, not from inside of what was being written. */
static void end(struct pcap *p, int err)
{
	p->err = err;
	trace(EV_CAPTURE, NULL, "the capture in '%s' has ended: %s", p->path, strerror(err));
	clock_in(p->ask.clock, &p->flush, 0);
}

static void flush(struct pcap *p)
{
	if (!p->err && fflush(p->file) != 0)
		end(p, errno);
}

static void on_flush(struct timer *t, ms_t now UNUSED)
{
	struct pcap *p = container_of(t, struct pcap, flush);

	if (p->err)
		p->ask.ended(p->ask.arg);
	else
		flush(p);
}

/*
 * A file of ours alone: it has everything that is said. A FIFO would stop the server until somebody reads; in a folder
 * that is everybody's, a file that is there already may be somebody else's.
 */
static int open_file(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
	struct stat s;

	if (fd < 0)
		return -1;
	if (fstat(fd, &s) == 0 && S_ISREG(s.st_mode) && s.st_uid == geteuid() && s.st_nlink == 1 &&
	    fchmod(fd, 0600) == 0 && ftruncate(fd, 0) == 0)
		return fd;
	close(fd);
	errno = EPERM;
	return -1;
}

struct pcap *pcap_open(const struct pcap_ask *ask)
{
	const struct {
		uint32_t magic;
		uint16_t major, minor;
		uint32_t zone, accuracy, whole, link;
	} head = { MAGIC, 2, 4, 0, 0, WHOLE, ETHERNET };
	int fd = open_file(ask->path), err;
	FILE *file = fd < 0 ? NULL : fdopen(fd, "w");
	struct pcap *p;

	if (!file)
		return NULL;
	fwrite(&head, sizeof head, 1, file);
	if (fflush(file) != 0) {
		err = errno;
		fclose(file);
		errno = err;
		return NULL;
	}
	p = xcalloc(1, sizeof *p);
	p->file = file;
	p->ask = *ask;
	p->path = span_dup(span_of(ask->path));
	p->size = sizeof head;
	p->flush.fire = on_flush;
	return p;
}

int pcap_close(struct pcap **p)
{
	int err;

	if (!*p)
		return 0;
	flush(*p);
	err = -(*p)->err;
	clock_stop((*p)->ask.clock, &(*p)->flush);
	fclose((*p)->file);
	free((*p)->path);
	free(*p);
	*p = NULL;
	return err;
}

static void out_u16(struct out *o, uint16_t v)
{
	v = htons(v);
	out_bytes(o, &v, sizeof v);
}

/* RFC 1071, over what is there already. */
static uint16_t checksum(const char *p, size_t n)
{
	uint32_t sum = 0;

	for (size_t i = 0; i + 1 < n; i += 2)
		sum += (uint32_t)((uint8_t)p[i] << 8 | (uint8_t)p[i + 1]);
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

static void out_ipv4(struct out *o, const struct addr *from, const struct addr *to, size_t n)
{
	static const char fixed[] = { 0, 0, 0x40, 0, 64, 17 }; /* id, don't fragment, TTL, UDP */
	size_t at = o->n;
	uint16_t sum;

	out_u16(o, 0x4500);
	out_u16(o, (uint16_t)(20 + n));
	out_bytes(o, fixed, sizeof fixed);
	out_u16(o, 0);
	out_bytes(o, from->ip, 4);
	out_bytes(o, to->ip, 4);
	sum = htons(checksum(o->p + at, 20));
	memcpy(o->p + at + 10, &sum, sizeof sum);
}

static void out_ipv6(struct out *o, const struct addr *from, const struct addr *to, size_t n)
{
	out_u16(o, 0x6000);
	out_u16(o, 0);
	out_u16(o, (uint16_t)n);
	out_u16(o, 17 << 8 | 64);
	out_bytes(o, from->ip, 16);
	out_bytes(o, to->ip, 16);
}

void pcap_put(struct pcap *p, const struct addr *from, const struct addr *to, struct span bytes)
{
	char frame[WHOLE + 1];
	struct out o = out_fixed(frame, sizeof frame);
	int64_t wall = clock_wall(p->ask.clock);
	uint32_t head[4];

	if (p->err)
		return;
	bytes.n = MIN(bytes.n, (size_t)WHOLE - 100);
	for (int i = 0; i < 6; i++)
		out_u16(&o, 0); /* MAC addresses */
	out_u16(&o, from->family == 6 ? 0x86dd : 0x0800);
	if (from->family == 6)
		out_ipv6(&o, from, to, bytes.n + 8);
	else
		out_ipv4(&o, from, to, bytes.n + 8);
	out_u16(&o, from->port);
	out_u16(&o, to->port);
	out_u16(&o, (uint16_t)(bytes.n + 8));
	out_u16(&o, 0); /* no checksum */
	out_span(&o, bytes);
	head[0] = (uint32_t)(wall / 1000);
	head[1] = (uint32_t)(wall % 1000 * 1000);
	head[2] = head[3] = (uint32_t)o.n;
	p->size += sizeof head + o.n;
	if (p->size > p->ask.most)
		end(p, EFBIG);
	else if (fwrite(head, sizeof head, 1, p->file) != 1 || fwrite(o.p, 1, o.n, p->file) != o.n)
		end(p, errno);
	else if (!timer_runs(&p->flush))
		clock_in(p->ask.clock, &p->flush, FLUSH);
}
