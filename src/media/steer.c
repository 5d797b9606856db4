/*
 * media/steer.c: the program that steers packets to workers (steer.bpf.c): loading it, attaching it to our network
 * namespace, and telling it which ports are ours. What it hangs on is a descriptor: it is gone with the process.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <netinet/in.h>
#include <steer.skel.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "media/shared.h"

struct steer {
	struct steer_bpf *bpf;
	struct bpf_link *link;
	unsigned nobody;
};

static const char *load_error(int err)
{
	return err == -EPERM || err == -EACCES ? "not permitted to load a program (CAP_BPF and CAP_NET_ADMIN)"
					       : "this kernel does not take the program";
}

static int quiet(enum libbpf_print_level level, const char *format, va_list args)
{
	(void)level, (void)format, (void)args;
	return 0;
}

struct steer *steer_load(unsigned workers, unsigned ports, const char **why)
{
	struct steer *s = xcalloc(1, sizeof *s);
	int err = 0;

	libbpf_set_print(quiet);
	s->nobody = workers;
	s->bpf = steer_bpf__open();
	if (s->bpf) {
		s->bpf->bss->nobody = workers;
		bpf_map__set_max_entries(s->bpf->maps.bound, ports);
		bpf_map__set_max_entries(s->bpf->maps.socks, STEER_SOCKS(workers));
		err = steer_bpf__load(s->bpf);
	}
	if (s->bpf && !err)
		return s;
	*why = load_error(err);
	steer_free(s);
	return NULL;
}

bool steer_attach(struct steer *s, const char **why)
{
	int ns = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);

	if (ns >= 0) {
		s->link = bpf_program__attach_netns(s->bpf->progs.hairpin_steer, ns);
		close(ns);
	}
	if (!s->link)
		*why = "the program cannot be attached to the network namespace";
	return s->link != NULL;
}

void steer_free(struct steer *s)
{
	bpf_link__destroy(s->link);
	steer_bpf__destroy(s->bpf);
	free(s);
}

bool steer_socket(struct steer *s, unsigned worker, bool v6, int fd)
{
	uint32_t at = STEER_SOCK(worker, v6);
	uint64_t value = (uint64_t)fd;

	return bpf_map_update_elem(bpf_map__fd(s->bpf->maps.socks), &at, &value, BPF_ANY) == 0;
}

bool steer_nobody(struct steer *s, bool v6, int fd)
{
	struct sock_filter nothing = BPF_STMT(BPF_RET | BPF_K, 0);
	struct sock_fprog filter = { 1, &nothing };

	return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof filter) == 0 &&
	       steer_socket(s, s->nobody, v6, fd);
}

static struct steer_key key_of(const struct addr *at)
{
	struct steer_key key = { .port = STEER_PORT(at->port, at->family == 6) };

	memcpy(key.ip, at->ip, sizeof key.ip);
	return key;
}

bool steer_put(struct steer *s, const struct addr *at, unsigned worker)
{
	struct steer_key key = key_of(at);
	struct steer_port port = { .worker = (uint16_t)(worker + 1) };

	if (addr_is_any(at))
		return bpf_map_update_elem(bpf_map__fd(s->bpf->maps.any), &key.port, &port, BPF_ANY) == 0;
	__atomic_store_n(&s->bpf->bss->some_bound, 1, __ATOMIC_RELAXED);
	return bpf_map_update_elem(bpf_map__fd(s->bpf->maps.bound), &key, &port, BPF_ANY) == 0;
}

void steer_del(struct steer *s, const struct addr *at)
{
	struct steer_key key = key_of(at);
	struct steer_port nobody = { 0 };

	if (addr_is_any(at))
		bpf_map_update_elem(bpf_map__fd(s->bpf->maps.any), &key.port, &nobody, BPF_ANY);
	else
		bpf_map_delete_elem(bpf_map__fd(s->bpf->maps.bound), &key);
}

bool steer_has(const struct steer *s, const struct addr *at)
{
	struct steer_key key = key_of(at);
	struct steer_port port;

	return bpf_map_lookup_elem(bpf_map__fd(s->bpf->maps.bound), &key, &port) == 0;
}

uint64_t steer_refused(const struct steer *s)
{
	return __atomic_load_n(&s->bpf->bss->refused, __ATOMIC_RELAXED);
}
