/*
 * bench/load_link.c: audio straight onto a wire, as frames with all their headers (packet(7)): what an end's own UDP
 * and routing cost is no work of the relay's, and it is the generator that has to keep up. The checksum is left to the
 * device, as UDP leaves it. For two ends on one network only: whoever is not gets the ordinary socket.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_packet.h>
#include <linux/virtio_net.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netinet/ip.h>
#include <netinet/udp.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "load.h"

#define NEIGHBOUR_TRIES 50
#define NEIGHBOUR_MS    10

struct frame {
	struct virtio_net_hdr device;
	struct ether_header ether;
	struct iphdr ip;
	struct udphdr udp;
} __attribute__((packed));
_Static_assert(sizeof(struct frame) == LINK_ROOM, "load.h knows the room");

static uint32_t add_words(uint32_t sum, const void *p, size_t n)
{
	uint16_t word;

	for (size_t i = 0; i + 1 < n; i += 2) {
		memcpy(&word, (const char *)p + i, sizeof word);
		sum += word;
	}
	return sum;
}

static uint16_t folded(uint32_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)sum;
}

/* The hardware address of a neighbour and the interface that it is at; false while it is not known. */
static bool find_neighbour(struct in_addr ip, char *dev, struct ether_addr *mac)
{
	FILE *f = fopen("/proc/thread-self/net/arp", "r");
	char line[256], want[INET_ADDRSTRLEN], at[32], name[IFNAMSIZ];
	unsigned flags = 0, b[6];
	bool found = false;

	inet_ntop(AF_INET, &ip, want, sizeof want);
	while (f && !found && fgets(line, sizeof line, f))
		found = sscanf(line, "%31s %*s %x %x:%x:%x:%x:%x:%x %*s %15s", at, &flags, b, b + 1, b + 2, b + 3,
			       b + 4, b + 5, name) == 9 &&
			flags & 2 && strcmp(at, want) == 0; /* 2: complete */
	if (f)
		fclose(f);
	for (int i = 0; found && i < 6; i++)
		mac->ether_addr_octet[i] = (uint8_t)b[i];
	if (found)
		memcpy(dev, name, sizeof name);
	return found;
}

/* Has the kernel look for the neighbour, by a datagram that nobody wants. */
static bool await_neighbour(struct sockaddr_in to, char *dev, struct ether_addr *mac)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	bool found = false;

	to.sin_port = htons(9);
	sendto(fd, "", 0, MSG_DONTWAIT, (struct sockaddr *)&to, sizeof to);
	for (int i = 0; !found && i < NEIGHBOUR_TRIES; i++) {
		found = find_neighbour(to.sin_addr, dev, mac);
		if (!found)
			nanosleep(&(struct timespec){ 0, NEIGHBOUR_MS * 1000000L }, NULL);
	}
	close(fd);
	return found;
}

static int open_on(const char *dev, struct ether_addr *mine)
{
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0), on = 1;
	struct sockaddr_ll at = { .sll_family = AF_PACKET, .sll_ifindex = (int)if_nametoindex(dev) };
	struct ifreq r = { 0 };

	memcpy(r.ifr_name, dev, strlen(dev));
	if (fd >= 0 && ioctl(fd, SIOCGIFHWADDR, &r) == 0 && bind(fd, (struct sockaddr *)&at, sizeof at) == 0 &&
	    setsockopt(fd, SOL_PACKET, PACKET_VNET_HDR, &on, sizeof on) == 0 &&
	    setsockopt(fd, SOL_PACKET, PACKET_QDISC_BYPASS, &on, sizeof on) == 0) {
		memcpy(mine, r.ifr_hwaddr.sa_data, sizeof *mine);
		return fd;
	}
	if (fd >= 0)
		close(fd);
	return -1;
}

int link_open(const char *ns, const struct sockaddr_in *from, const struct sockaddr_in *to, char head[LINK_ROOM])
{
	int home = load_enter(ns), fd = -1;
	struct frame f = { .device = { .flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
				       .csum_start = sizeof f.ether + sizeof f.ip,
				       .csum_offset = offsetof(struct udphdr, check) },
			   .ether.ether_type = htons(ETHERTYPE_IP),
			   .ip = { .version = 4, .ihl = 5, .ttl = 64, .protocol = IPPROTO_UDP },
			   .udp = { .source = from->sin_port } };
	struct ether_addr mine, peer;
	char dev[IFNAMSIZ];

	if (await_neighbour(*to, dev, &peer))
		fd = open_on(dev, &mine);
	load_leave(home);
	if (fd < 0)
		return -1;
	memcpy(f.ether.ether_dhost, &peer, sizeof peer);
	memcpy(f.ether.ether_shost, &mine, sizeof mine);
	f.ip.saddr = from->sin_addr.s_addr;
	f.ip.daddr = to->sin_addr.s_addr;
	memcpy(head, &f, sizeof f);
	return fd;
}

void link_head(char *p, const char head[LINK_ROOM], in_port_t to, size_t bytes)
{
	struct frame f;
	uint16_t udp = htons((uint16_t)(sizeof f.udp + bytes));

	memcpy(&f, head, sizeof f);
	f.ip.tot_len = htons((uint16_t)(sizeof f.ip + sizeof f.udp + bytes));
	f.ip.check = (uint16_t)~folded(add_words(0, &f.ip, sizeof f.ip));
	f.udp.dest = to;
	f.udp.len = udp;
	f.udp.check =
		folded(add_words(udp + (uint32_t)htons(IPPROTO_UDP), &f.ip.saddr, 8)); /* the device adds the rest */
	memcpy(p, &f, sizeof f);
}
