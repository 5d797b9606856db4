/* io/queue.c: bytes on their way into a stream that is full at the moment: a list of chunks, the first maybe half gone.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "io/priv.h"

struct chunk {
	struct list link;
	size_t n, done;
	char bytes[];
};

void outq_init(struct outq *q)
{
	list_init(&q->chunks);
	q->n = 0;
}

void outq_put(struct outq *q, struct span bytes)
{
	struct chunk *c = xmalloc(sizeof *c + bytes.n);

	c->n = bytes.n;
	c->done = 0;
	memcpy(c->bytes, bytes.p, bytes.n);
	list_push(&q->chunks, &c->link);
	q->n += bytes.n;
}

int outq_write(struct outq *q, int fd, struct tls_conn *tls)
{
	while (!list_empty(&q->chunks)) {
		struct chunk *c = list_entry(q->chunks.next, struct chunk, link);
		ssize_t n = tls ? tls_write(tls, c->bytes + c->done, c->n - c->done)
				: send(fd, c->bytes + c->done, c->n - c->done, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno == EWOULDBLOCK ? -EAGAIN : -errno;
		c->done += (size_t)n;
		q->n -= (size_t)n;
		if (c->done < c->n)
			continue;
		list_del(&c->link);
		free(c);
	}
	return 0;
}

void outq_free(struct outq *q)
{
	list_for_safe(n, &q->chunks)
		free(list_entry(n, struct chunk, link));
	outq_init(q);
}
