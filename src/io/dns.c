/*
 * io/dns.c: names to records: the hosts file first (for addresses), then DNS through c-ares.
 *
 * Every answer goes onto a list and is told by a timer that is due at once: nobody is called from inside resolve().
 * Both files are looked at again when they changed on disk, at most once a second: a new name server (DHCP, VPN) or a
 * new line in /etc/hosts needs no restart. When the name server changes while questions are open, they are asked again.
 */
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "io/priv.h"
#include "base/trace.h"

#define RECORDS_MAX 64
#define HOSTS_TTL   10 /* s */
#define LOOK_EVERY  1000
#define TRY_TIMEOUT 2000 /* ms of the first try; c-ares doubles it for each round */
#define TRIES       3

struct question {
	struct list link;
	struct dns *dns;
	uint64_t query;
	enum dns_type type;
	struct dns_record *rs; /* the answer, once there */
	size_t n;
	int err;
	char name[];
};

struct dns_fd {
	uv_poll_t poll;
	struct dns *dns;
	struct list link;
	int fd;
};

struct file_state {
	const char *path;
	struct timespec changed;
	off_t size;
	ino_t inode;
};

struct dns {
	struct io_loop *loop;
	ares_channel channel;
	bool open;
	struct list fds, asked, answered;
	struct timer tell, timeout;
	struct hosts *hosts;
	struct file_state hosts_file, resolv_file;
	char *server; /* instead of resolv.conf's; NULL: those */
	ms_t looked;
};

/* ---- c-ares on the loop ---- */

static void arm(struct dns *d)
{
	struct timeval room = { 3600, 0 }, tv;

	if (list_empty(&d->asked)) {
		clock_stop(d->loop->clock, &d->timeout);
		return;
	}
	ares_timeout(d->channel, &room, &tv);
	clock_in(d->loop->clock, &d->timeout, (ms_t)tv.tv_sec * 1000 + tv.tv_usec / 1000 + 1);
}

static void on_timeout(struct timer *t, ms_t now UNUSED)
{
	struct dns *d = container_of(t, struct dns, timeout);

	ares_process_fd(d->channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
	arm(d);
}

static void on_fd(uv_poll_t *p, int status, int events)
{
	struct dns_fd *f = p->data;
	struct dns *d = f->dns;
	int fd = f->fd;

	io_enter(d->loop);
	if (status < 0) /* POLLERR: the read tells */
		events = UV_READABLE;
	ares_process_fd(d->channel, events & UV_READABLE ? fd : ARES_SOCKET_BAD,
			events & UV_WRITABLE ? fd : ARES_SOCKET_BAD);
	arm(d);
}

static void fd_freed(uv_handle_t *h)
{
	free(h->data);
}

/* c-ares wants to know when its socket can be read or written; neither: it is about to close it. */
static void on_want(void *arg, ares_socket_t fd, int readable, int writable)
{
	struct dns *d = arg;
	struct dns_fd *f = NULL;

	list_for(n, &d->fds)
		if (list_entry(n, struct dns_fd, link)->fd == fd)
			f = list_entry(n, struct dns_fd, link);
	if (!readable && !writable) {
		if (!f)
			return;
		list_del(&f->link);
		uv_poll_stop(&f->poll);
		uv_close((uv_handle_t *)&f->poll, fd_freed);
		return;
	}
	if (!f) {
		f = xcalloc(1, sizeof *f);
		f->dns = d;
		f->fd = fd;
		BUG_ON(uv_poll_init(&d->loop->uv, &f->poll, fd) < 0);
		f->poll.data = f;
		list_push(&d->fds, &f->link);
	}
	uv_poll_start(&f->poll, (readable ? UV_READABLE : 0) | (writable ? UV_WRITABLE : 0), on_fd);
}

static void channel_open(struct dns *d)
{
	struct ares_options o = {
		.timeout = TRY_TIMEOUT, .tries = TRIES, .sock_state_cb = on_want, .sock_state_cb_data = d
	};
	int err = ares_init_options(&d->channel, &o, ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_SOCK_STATE_CB);

	d->open = err == ARES_SUCCESS;
	if (!d->open)
		trace(EV_DNS, NULL, "no resolver: %s", ares_strerror(err));
	else if (d->server)
		ares_set_servers_ports_csv(d->channel, d->server);
}

/* ---- answers ---- */

static void answered(struct question *q, int err)
{
	list_del(&q->link);
	list_push(&q->dns->answered, &q->link);
	q->err = err;
	if (!timer_runs(&q->dns->tell))
		clock_in(q->dns->loop->clock, &q->dns->tell, 0);
}

static void on_tell(struct timer *t, ms_t now UNUSED)
{
	struct dns *d = container_of(t, struct dns, tell);
	struct list due;

	list_init(&due);
	while (!list_empty(&d->answered)) {
		struct list *n = d->answered.next;

		list_del(n);
		list_push(&due, n);
	}
	while (!list_empty(&due)) {
		struct question *q = list_entry(due.next, struct question, link);

		list_del(&q->link);
		d->loop->sink.resolved(d->loop->sink.arg, q->query, q->rs, q->n, q->err);
		free(q->rs);
		free(q);
	}
}

static void on_answer(void *arg, int status, int timeouts UNUSED, unsigned char *msg, int n)
{
	struct question *q = arg;
	long found = 0;

	if (status == ARES_EDESTRUCTION) /* the resolver is being replaced, or the loop ends */
		return;
	if (status == ARES_SUCCESS) {
		q->rs = xcalloc(RECORDS_MAX, sizeof q->rs[0]);
		found = dns_parse(msg, (size_t)n, q->type, q->rs, RECORDS_MAX);
		q->n = found > 0 ? (size_t)found : 0;
		answered(q, found < 0 ? (int)found : 0);
	} else if (status == ARES_ENODATA || status == ARES_ENOTFOUND) {
		answered(q, 0);
	} else {
		trace(EV_DNS, NULL, "%s: %s", q->name, ares_strerror(status));
		answered(q, status == ARES_ETIMEOUT ? -ETIMEDOUT : status == ARES_EBADNAME ? -EINVAL : -EIO);
	}
}

/* A name without a dot is completed with the search list, as everywhere on the host. */
static void ask_server(struct dns *d, struct question *q)
{
	bool plain = q->type == DNS_A || q->type == DNS_AAAA;

	if (!d->open)
		answered(q, -EIO);
	else if (plain && !strchr(q->name, '.'))
		ares_search(d->channel, q->name, 1, (int)q->type, on_answer, q);
	else
		ares_query(d->channel, q->name, 1, (int)q->type, on_answer, q);
}

static bool ask_hosts(struct dns *d, struct question *q)
{
	struct addr as[16];
	uint8_t family = q->type == DNS_A ? 4 : 6;
	size_t n = 0;

	if (q->type == DNS_A || q->type == DNS_AAAA)
		n = hosts_find(d->hosts, q->name, family, as, ARRAY_LEN(as));
	if (!n)
		return false;
	q->rs = xcalloc(n, sizeof q->rs[0]);
	q->n = n;
	for (size_t i = 0; i < n; i++) {
		q->rs[i].type = q->type;
		q->rs[i].ttl = HOSTS_TTL;
		q->rs[i].addr = as[i];
	}
	answered(q, 0);
	return true;
}

/* ---- the files behind it ---- */

static bool file_changed(struct file_state *f)
{
	struct stat st = { 0 };
	bool same;

	if (stat(f->path, &st) < 0)
		st = (struct stat){ 0 };
	same = st.st_mtim.tv_sec == f->changed.tv_sec && st.st_mtim.tv_nsec == f->changed.tv_nsec &&
	       st.st_size == f->size && st.st_ino == f->inode;
	f->changed = st.st_mtim;
	f->size = st.st_size;
	f->inode = st.st_ino;
	return !same;
}

/* Questions that the old resolver had open go to the new one. */
static void channel_replace(struct dns *d)
{
	struct list again;

	if (d->open)
		ares_destroy(d->channel);
	channel_open(d);
	list_init(&again);
	while (!list_empty(&d->asked)) {
		struct list *n = d->asked.next;

		list_del(n);
		list_push(&again, n);
	}
	while (!list_empty(&again)) {
		struct question *q = list_entry(again.next, struct question, link);

		list_del(&q->link);
		list_push(&d->asked, &q->link);
		ask_server(d, q);
	}
	arm(d);
}

static void hosts_again(struct dns *d)
{
	hosts_free(d->hosts);
	d->hosts = hosts_read(d->hosts_file.path);
}

static void look_at_files(struct dns *d)
{
	if (d->loop->clock->now < d->looked + LOOK_EVERY)
		return;
	d->looked = d->loop->clock->now;
	if (file_changed(&d->hosts_file))
		hosts_again(d);
	if (file_changed(&d->resolv_file))
		channel_replace(d);
}

void io_dns_reload(struct io_loop *l)
{
	struct dns *d = l->dns;

	file_changed(&d->hosts_file);
	file_changed(&d->resolv_file);
	hosts_again(d);
	channel_replace(d);
}

void io_dns_files(struct io_loop *l, const char *hosts, const char *server)
{
	struct dns *d = l->dns;

	d->hosts_file.path = hosts;
	free(d->server);
	d->server = server ? xstrdup(server) : NULL;
	io_dns_reload(l);
}

void dns_ask(struct dns *d, uint64_t query, const char *name, enum dns_type type)
{
	size_t n = strlen(name);
	struct question *q = xcalloc(1, sizeof *q + n + 1);

	q->dns = d;
	q->query = query;
	q->type = type;
	memcpy(q->name, name, n);
	look_at_files(d);
	list_push(&d->asked, &q->link);
	if (!ask_hosts(d, q))
		ask_server(d, q);
	arm(d);
}

struct dns *dns_new(struct io_loop *l)
{
	struct dns *d = xcalloc(1, sizeof *d);

	BUG_ON(ares_library_init(ARES_LIB_INIT_ALL) != ARES_SUCCESS);
	d->loop = l;
	list_init(&d->fds);
	list_init(&d->asked);
	list_init(&d->answered);
	d->tell.fire = on_tell;
	d->timeout.fire = on_timeout;
	d->hosts_file.path = "/etc/hosts";
	d->resolv_file.path = "/etc/resolv.conf";
	file_changed(&d->hosts_file);
	file_changed(&d->resolv_file);
	d->hosts = hosts_read(d->hosts_file.path);
	channel_open(d);
	return d;
}

static void drop_all(struct list *l)
{
	list_for_safe(n, l) {
		struct question *q = list_entry(n, struct question, link);

		free(q->rs);
		free(q);
	}
	list_init(l);
}

void dns_free(struct dns *d)
{
	if (d->open)
		ares_destroy(d->channel);
	clock_stop(d->loop->clock, &d->tell);
	clock_stop(d->loop->clock, &d->timeout);
	drop_all(&d->asked);
	drop_all(&d->answered);
	hosts_free(d->hosts);
	free(d->server);
	free(d);
	ares_library_cleanup();
}
