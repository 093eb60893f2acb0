/*
 * How many calls a second the fake APIs can answer: load PORT CONNECTIONS SECONDS prints the number.
 * Each connection asks for a customer as soon as it has the answer before.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define REQUEST "GET /customers/v2/Customer/1000001?trackingGuid=1 HTTP/1.1\r\nHost: localhost\r\n" \
                "Authorization: Bearer bench-4021\r\nAccept: application/json\r\n\r\n"

static double seconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static int connected(int port) {
    int yes = 1, descriptor = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    if (connect(descriptor, (struct sockaddr *)&address, sizeof address)) {
        perror("the fake APIs do not answer");
        exit(1);
    }
    setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    return descriptor;
}

static void ask(int descriptor) {
    if (send(descriptor, REQUEST, strlen(REQUEST), 0) < 0) exit(1);
}

int main(int count, char **arguments) {
    if (count != 4) return 2;
    int port = atoi(arguments[1]), clients = atoi(arguments[2]), poller = epoll_create1(0);
    for (int place = 0; place < clients; place++) {
        struct epoll_event event = {.events = EPOLLIN, .data.fd = connected(port)};
        epoll_ctl(poller, EPOLL_CTL_ADD, event.data.fd, &event);
        ask(event.data.fd);
    }
    double began = seconds(), until = began + atof(arguments[3]);
    unsigned long answered = 0;
    while (seconds() < until) {
        struct epoll_event events[64];
        int ready = epoll_wait(poller, events, 64, 100);
        for (int place = 0; place < ready; place++) {
            char answer[8192]; /* an answer comes in one piece: it is short, and sent at once */
            if (recv(events[place].data.fd, answer, sizeof answer, 0) <= 0) return 1;
            answered++;
            ask(events[place].data.fd);
        }
    }
    printf("%.0f\n", (double)answered / (seconds() - began));
    return 0;
}
