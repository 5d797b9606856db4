/*
 * io/console.c: the Unix socket of the remote console, both ends.
 *
 * The client sends lines. The server answers with frames: four bytes of length (network order), one byte of kind, the
 * text. What the kinds mean is the user's (ctl). The socket's mode lets in this user and root only, and it has that
 * mode from its first moment on: it is bound while the umask is tight.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "io/priv.h"

#define QUEUE_MAX   (8u << 20)
#define CLIENTS_MAX 64
#define FRAME_MAX   (64u << 20)

struct io_server {
	struct io_loop *loop;
	uv_poll_t poll;
	int fd;
	char *path;
	struct io_console_user user;
	struct list clients;
	unsigned n_clients;
};

struct io_console {
	struct list link;
	struct io_server *server;
	uv_poll_t poll;
	int fd;
	bool closed;
	struct outq out;
	bool skips; /* the rest of a line that is too long */
	size_t n;
	char line[IO_CONSOLE_LINE + 2]; /* with its end */
};

static void console_freed(uv_handle_t *h)
{
	free(h->data);
}

static void console_close(struct io_console *c)
{
	if (c->closed)
		return;
	c->closed = true;
	list_del(&c->link);
	c->server->n_clients--;
	outq_free(&c->out);
	uv_poll_stop(&c->poll);
	close(c->fd);
	uv_close((uv_handle_t *)&c->poll, console_freed);
}

static void console_lost(struct io_console *c)
{
	struct io_console_user *u = &c->server->user;

	if (c->closed)
		return;
	u->gone(u->arg, c);
	console_close(c);
}

static void on_client(uv_poll_t *p, int status, int events);

static void poll_again(struct io_console *c)
{
	uv_poll_start(&c->poll, UV_READABLE | (c->out.n ? UV_WRITABLE : 0), on_client);
}

/* Hands the whole lines to the user; what is left is the beginning of one. */
static void take_lines(struct io_console *c)
{
	struct io_console_user *u = &c->server->user;
	struct span all = { c->line, c->n };
	long end;

	while (!c->closed && (end = span_chr(all, '\n')) >= 0) {
		struct span line = span_sub(all, 0, (size_t)end);

		all = span_from(all, (size_t)end + 1);
		if (line.n && line.p[line.n - 1] == '\r')
			line.n--;
		if (!c->skips)
			(line.n > IO_CONSOLE_LINE ? u->too_long : u->line)(u->arg, c, line);
		c->skips = false;
	}
	if (!c->closed && all.n == sizeof c->line) {
		if (!c->skips)
			u->too_long(u->arg, c, all);
		c->skips = true;
		all.n = 0;
	}
	memmove(c->line, all.p, all.n);
	c->n = all.n;
}

static void on_client(uv_poll_t *p, int status, int events)
{
	struct io_console *c = p->data;
	ssize_t n;
	int err;

	io_enter(c->server->loop);
	if (events & UV_WRITABLE) {
		err = outq_write(&c->out, c->fd, NULL);
		if (err && err != -EAGAIN) {
			console_lost(c);
			return;
		}
	}
	if (status < 0 || (events & UV_READABLE)) {
		n = recv(c->fd, c->line + c->n, sizeof c->line - c->n, 0);
		if (n <= 0 && (n == 0 || errno != EAGAIN)) {
			console_lost(c);
			return;
		}
		c->n += n > 0 ? (size_t)n : 0;
		take_lines(c);
	}
	if (!c->closed)
		poll_again(c);
}

static void on_connect(uv_poll_t *p, int status UNUSED, int events UNUSED)
{
	struct io_server *s = p->data;
	int fd = accept4(s->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	struct io_console *c;

	io_enter(s->loop);
	if (fd < 0)
		return;
	if (s->n_clients >= CLIENTS_MAX) {
		close(fd);
		return;
	}
	c = xcalloc(1, sizeof *c);
	c->server = s;
	c->fd = fd;
	outq_init(&c->out);
	BUG_ON(uv_poll_init(&s->loop->uv, &c->poll, fd) < 0);
	c->poll.data = c;
	list_push(&s->clients, &c->link);
	s->n_clients++;
	poll_again(c);
}

void io_console_send(struct io_console *c, char kind, struct span bytes)
{
	struct out o = out_growing();
	uint32_t n = htonl((uint32_t)bytes.n);

	if (c->closed)
		return;
	if (c->out.n + bytes.n > QUEUE_MAX) {
		shutdown(c->fd, SHUT_RDWR); /* it does not read; the loop finds it gone */
		return;
	}
	out_bytes(&o, &n, 4);
	out_char(&o, kind);
	out_span(&o, bytes);
	outq_put(&c->out, out_look(&o));
	out_free(&o);
	outq_write(&c->out, c->fd, NULL); /* a broken one is found when it is read */
	poll_again(c);
}

size_t io_console_waiting(const struct io_console *c)
{
	return c->out.n;
}

static bool socket_addr(const char *path, struct sockaddr_un *un)
{
	memset(un, 0, sizeof *un);
	un->sun_family = AF_UNIX;
	return span_copy(span_of(path), un->sun_path, sizeof un->sun_path);
}

int io_console_open(const char *path)
{
	struct sockaddr_un un;
	int fd, err;

	if (!socket_addr(path, &un))
		return -ENAMETOOLONG;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	if (connect(fd, (struct sockaddr *)&un, sizeof un) == 0)
		return fd;
	err = -errno;
	close(fd);
	return err;
}

/* Binds and listens; -errno. */
static int serve_on(const char *path, int *out)
{
	struct sockaddr_un un;
	mode_t mask;
	int fd = io_console_open(path), err = 0;

	if (fd >= 0) {
		close(fd);
		return -EADDRINUSE;
	}
	if (!socket_addr(path, &un))
		return -ENAMETOOLONG;
	if (fd == -ECONNREFUSED)
		unlink(path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	mask = umask(0177);
	if (bind(fd, (struct sockaddr *)&un, sizeof un) < 0 || listen(fd, 64) < 0)
		err = -errno;
	umask(mask);
	if (err)
		close(fd);
	*out = fd;
	return err;
}

struct io_server *io_serve(struct io_loop *l, const char *path, const struct io_console_user *u, int *err)
{
	struct io_server *s;
	int fd = -1;

	*err = serve_on(path, &fd);
	if (*err < 0)
		return NULL;
	s = xcalloc(1, sizeof *s);
	s->loop = l;
	s->fd = fd;
	s->path = xstrdup(path);
	s->user = *u;
	list_init(&s->clients);
	BUG_ON(uv_poll_init(&l->uv, &s->poll, fd) < 0);
	s->poll.data = s;
	uv_poll_start(&s->poll, UV_READABLE, on_connect);
	return s;
}

static void server_freed(uv_handle_t *h)
{
	struct io_server *s = h->data;

	free(s->path);
	free(s);
}

void io_server_free(struct io_server **sp)
{
	struct io_server *s = *sp;

	if (!s)
		return;
	*sp = NULL;
	list_for_safe(n, &s->clients) {
		struct io_console *c = list_entry(n, struct io_console, link);

		outq_write(&c->out, c->fd, NULL);
		console_close(c);
	}
	unlink(s->path);
	uv_poll_stop(&s->poll);
	close(s->fd);
	uv_close((uv_handle_t *)&s->poll, server_freed);
}

/* ---- the client ---- */

static int write_all(int fd, struct span b)
{
	while (b.n) {
		ssize_t n = send(fd, b.p, b.n, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		b = span_from(b, (size_t)n);
	}
	return 0;
}

int io_console_ask(int fd, struct span line)
{
	int err = write_all(fd, line);

	return err ? err : write_all(fd, SPAN("\n"));
}

static int read_all(int fd, void *p, size_t n)
{
	for (size_t at = 0; at < n;) {
		ssize_t got = recv(fd, (char *)p + at, n - at, 0);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return got < 0 && errno != ECONNRESET ? -errno : -EPIPE;
		at += (size_t)got;
	}
	return 0;
}

int io_console_read(int fd, char *kind, struct out *text)
{
	char head[5], buf[4096];
	uint32_t n;
	int err = read_all(fd, head, sizeof head);

	if (err)
		return err;
	memcpy(&n, head, 4);
	n = ntohl(n);
	*kind = head[4];
	if (n > FRAME_MAX)
		return -EBADMSG;
	while (n && !err) {
		size_t part = MIN(n, sizeof buf);

		err = read_all(fd, buf, part);
		if (!err)
			out_bytes(text, buf, part);
		n -= (uint32_t)part;
	}
	return err;
}
