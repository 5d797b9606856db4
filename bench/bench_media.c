/*
 * bench/bench_media.c: what one relayed packet costs. N calls of two legs each run through the real engine on loopback;
 * both sides speak 50 packets a second, spread over the 20 ms. Each payload carries the time it was sent. Printed: the
 * processor time of the workers per relayed packet (the process's, less that of the two generator threads) and how much
 * later a packet arrives than it was sent. Loopback and the generator's own system calls are part of the delay, not of
 * the processor time.
 *
 *   bench_media [seconds [calls …]]      default: 3 seconds each of 50, 200 and 500 calls
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/rng.h"
#include "media/media.h"
#include "media/rtp.h"

#define PACE_NS     20000000L
#define SAMPLES_MAX 2000000
#define CALLS_MAX   2000

struct bench {
	struct media *m;
	struct rng rng;
	unsigned calls, seconds;
	struct media_leg *legs[2][CALLS_MAX];
	struct sockaddr_storage to[2][CALLS_MAX];
	int fds[2];
	struct addr me[2];
	volatile bool stop;
	uint64_t sent, cpu_ns; /* cpu_ns: of the generator threads */
	uint64_t received;
	uint32_t *delay_ns;
};

static uint64_t ns(clockid_t id)
{
	struct timespec ts;

	clock_gettime(id, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static void open_side(struct bench *b, int side)
{
	struct sockaddr_storage ss;
	socklen_t len;
	int size = 8 << 20;

	addr_parse(SPAN("127.0.0.1"), &b->me[side]);
	len = addr_to_sockaddr(&b->me[side], &ss);
	b->fds[side] = socket(AF_INET, SOCK_DGRAM, 0);
	setsockopt(b->fds[side], SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
	if (bind(b->fds[side], (struct sockaddr *)&ss, len) != 0 ||
	    getsockname(b->fds[side], (struct sockaddr *)&ss, &len) != 0)
		abort();
	b->me[side] = addr_from_sockaddr((struct sockaddr *)&ss);
}

static bool open_leg(struct bench *b, int side, unsigned call)
{
	struct media_open ask = { .bind = addr_with_port(&b->me[side], 0), .beside = side ? b->legs[0][call] : NULL };
	struct media_plan p = { .remote = b->me[side],
				.new_sdp = true,
				.send = true,
				.recv = true,
				.n_formats = 1,
				.ptime = 20,
				.latch = { STRICTRTP_YES, 4, true, true, true } };
	struct media_leg *leg = b->legs[side][call] = media_open(b->m, &ask);
	struct addr local;

	if (!leg)
		return false;
	media_replan(leg, &p);
	local = media_local(leg);
	addr_to_sockaddr(&local, &b->to[side][call]);
	return true;
}

static void speak(struct bench *b, int side, unsigned call, unsigned seq)
{
	char payload[160] = { 0 };
	struct rtp r = {
		.seq = (uint16_t)seq, .ts = seq * 160, .ssrc = call + 1, .payload = { payload, sizeof payload }
	};
	uint64_t now = ns(CLOCK_MONOTONIC);
	uint8_t buf[200];

	memcpy(payload, &now, sizeof now);
	sendto(b->fds[side], buf, rtp_write(buf, sizeof buf, &r), 0, (struct sockaddr *)&b->to[side][call],
	       sizeof(struct sockaddr_in));
	b->sent++;
}

/* Every call has its own moment within the 20 ms; whatever is due is sent, then we sleep a little. */
static void *generate(void *arg)
{
	struct bench *b = arg;
	uint64_t start = ns(CLOCK_MONOTONIC), total = (uint64_t)b->seconds * 50 * b->calls, next = 0;

	while (next < total) {
		uint64_t due = (ns(CLOCK_MONOTONIC) - start) * b->calls / PACE_NS;

		for (; next < due && next < total; next++) {
			speak(b, 0, (unsigned)(next % b->calls), (unsigned)(next / b->calls));
			speak(b, 1, (unsigned)(next % b->calls), (unsigned)(next / b->calls));
		}
		usleep(200);
	}
	__atomic_fetch_add(&b->cpu_ns, ns(CLOCK_THREAD_CPUTIME_ID), __ATOMIC_RELAXED);
	return NULL;
}

static void take(struct bench *b, int side)
{
	char buf[400];
	ssize_t n;

	while ((n = recv(b->fds[side], buf, sizeof buf, MSG_DONTWAIT)) > 0) {
		uint64_t sent;

		if (n != RTP_HEADER + 160)
			continue;
		memcpy(&sent, buf + RTP_HEADER, sizeof sent);
		if (b->received < SAMPLES_MAX)
			b->delay_ns[b->received] = (uint32_t)(ns(CLOCK_MONOTONIC) - sent);
		b->received++;
	}
}

static void *collect(void *arg)
{
	struct bench *b = arg;

	while (!__atomic_load_n(&b->stop, __ATOMIC_RELAXED)) {
		take(b, 0);
		take(b, 1);
		usleep(50);
	}
	__atomic_fetch_add(&b->cpu_ns, ns(CLOCK_THREAD_CPUTIME_ID), __ATOMIC_RELAXED);
	return NULL;
}

static int by_value(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

static void print(struct bench *b, double cpu_us)
{
	size_t n = b->received < SAMPLES_MAX ? (size_t)b->received : SAMPLES_MAX;
	static const double at[] = { 0.5, 0.9, 0.99, 0.999 };

	qsort(b->delay_ns, n, sizeof *b->delay_ns, by_value);
	printf("| %5u | %8llu | %6.2f %% | %7.2f |", b->calls, (unsigned long long)b->received,
	       b->sent ? 100.0 * (double)(b->sent - b->received) / (double)b->sent : 0,
	       b->received ? cpu_us / (double)b->received : 0);
	for (size_t i = 0; i < ARRAY_LEN(at); i++)
		printf(" %7u |", n ? b->delay_ns[(size_t)(at[i] * (double)(n - 1))] / 1000 : 0);
	printf("\n");
}

static void measure(struct bench *b)
{
	pthread_t generator, collector;
	uint64_t before = ns(CLOCK_PROCESS_CPUTIME_ID);

	pthread_create(&collector, NULL, collect, b);
	pthread_create(&generator, NULL, generate, b);
	pthread_join(generator, NULL);
	usleep(200000);
	__atomic_store_n(&b->stop, true, __ATOMIC_RELAXED);
	pthread_join(collector, NULL);
	print(b, (double)(ns(CLOCK_PROCESS_CPUTIME_ID) - before - b->cpu_ns) / 1000);
}

static void run(unsigned calls, unsigned seconds)
{
	static const uint8_t seed[32] = { 5 };
	struct bench *b = calloc(1, sizeof *b);
	struct media_config c = { .workers = 1, .engine = ENGINE_USER, .rng = &b->rng };
	unsigned opened = 0;

	rng_seed(&b->rng, seed);
	c.rtp = (struct conf_rtp){
		.rtpstart = 40000, .rtpend = 60000, .strictrtp = STRICTRTP_YES, .probation = 4, .rtcpinterval = 5000
	};
	b->m = media_new(&c);
	b->calls = calls;
	b->seconds = seconds;
	b->delay_ns = calloc(SAMPLES_MAX, sizeof *b->delay_ns);
	open_side(b, 0);
	open_side(b, 1);
	while (opened < calls && open_leg(b, 0, opened) && open_leg(b, 1, opened)) {
		media_join(b->legs[0][opened], b->legs[1][opened]);
		opened++;
	}
	if (opened == calls)
		measure(b);
	else
		printf("only %u of %u calls have ports: see ulimit -n\n", opened, calls);
	for (unsigned i = 0; i < calls; i++) {
		media_close(&b->legs[0][i]);
		media_close(&b->legs[1][i]);
	}
	media_free(b->m);
	close(b->fds[0]);
	close(b->fds[1]);
	free(b->delay_ns);
	free(b);
}

static uint32_t number(const char *s, uint32_t most)
{
	uint32_t n;

	if (!span_u32(span_of(s), most, &n) || !n) {
		fprintf(stderr, "bench_media: not a number from 1 to %u: %s\n", most, s);
		exit(2);
	}
	return n;
}

int main(int argc, char **argv)
{
	static const unsigned usual[] = { 50, 200, 500 };
	unsigned seconds = argc > 1 ? number(argv[1], 60) : 3;

	printf("| calls |  packets |     lost | µs CPU each | delay µs p50 |   p90 |   p99 |  p99.9 |\n"
	       "|---|---|---|---|---|---|---|---|\n");
	for (int i = 2; i < argc; i++)
		run(number(argv[i], CALLS_MAX), seconds);
	for (size_t i = 0; argc <= 2 && i < ARRAY_LEN(usual); i++)
		run(usual[i], seconds);
	return 0;
}
