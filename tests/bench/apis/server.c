/*
 * Both APIs in one process: keep-alive HTTP/1.1 on the loopback address, one thread, epoll, each answer after a latency
 * that costs a timer and no thread. Usage: server PORT; it prints a line when it listens.
 *
 *   POST /control/reset?latency_ms=50&linked=1&done_by=0   forget everything
 *   GET  /control/totals                                   calls, customers, ends, doubled
 *   GET  /control/log?count=1000                           a line for each customer: id, writes, ends, first and last ns
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "records.h"

#include "answers.h"

#define LONGEST_REQUEST 16384
#define MOST_CONNECTIONS 8192
#define EVENTS 256

struct connection {
    int is_open, is_waiting; /* waiting: an answer is due later */
    uint32_t born;           /* tells connections apart that had the same descriptor */
    size_t length;           /* of what came and is not answered */
    size_t out_length;
    char in[LONGEST_REQUEST], out[8192];
};

struct due {
    uint64_t at_ns;
    int descriptor;
    uint32_t born;
};

static struct connection *connections[MOST_CONNECTIONS];
static struct due queue[MOST_CONNECTIONS * 2]; /* a ring: all answers wait equally long, so they are due in order */
static size_t queue_first, queue_length;
static uint64_t latency_ns;
static uint32_t births;
static int poller, timer;

static void send_all(int descriptor, const char *text, size_t length) {
    while (length > 0) {
        ssize_t sent = send(descriptor, text, length, MSG_NOSIGNAL);
        if (sent < 0 && errno == EAGAIN) {
            usleep(100); /* only a long log fills a socket */
            continue;
        }
        if (sent <= 0) return;
        text += sent;
        length -= (size_t)sent;
    }
}

static void arm(uint64_t at_ns) {
    struct itimerspec when = {.it_value = {(time_t)(at_ns / 1000000000u), (long)(at_ns % 1000000000u)}};
    timerfd_settime(timer, TFD_TIMER_ABSTIME, &when, NULL);
}

static size_t head(char *out, size_t size, int status, size_t length) {
    return (size_t)snprintf(out, size,
                            "HTTP/1.1 %d %s\r\nContent-Type: application/json; charset=utf-8\r\nContent-Length: %zu\r\n\r\n",
                            status, status == OK ? "OK" : "Not Found", length);
}

static void send_later(int descriptor, struct connection *connection, uint64_t at_ns) {
    size_t last = (queue_first + queue_length++) % (MOST_CONNECTIONS * 2);
    queue[last] = (struct due){at_ns, descriptor, connection->born};
    connection->is_waiting = 1;
    if (queue_length == 1) arm(at_ns);
}

static void take_call(int descriptor, struct connection *connection, const struct request *request) {
    struct answer answer;
    uint64_t at_ns = now_ns() + latency_ns;
    answer_call(&answer, request, at_ns);
    size_t length = strlen(answer.body);
    connection->out_length = head(connection->out, sizeof connection->out, answer.status, length);
    memcpy(connection->out + connection->out_length, answer.body, length);
    connection->out_length += length;
    if (latency_ns) send_later(descriptor, connection, at_ns);
    else send_all(descriptor, connection->out, connection->out_length);
}

static void send_log(int descriptor, uint64_t count) {
    size_t length = 0;
    char *text = malloc(count * 96 + 1), top[256];
    for (uint64_t place = 0; place < count && place < MOST_IDS; place++) {
        struct record *each = &records[place];
        length += (size_t)sprintf(text + length, "%lu %u %u %lu %lu\n", (unsigned long)(place + FIRST_ID), each->writes,
                                  each->ends, (unsigned long)each->first_ns, (unsigned long)each->last_ns);
    }
    send_all(descriptor, top, head(top, sizeof top, OK, length));
    send_all(descriptor, text, length);
    free(text);
}

static void take_control(int descriptor, const char *path, const char *query) {
    char body[256], top[256];
    if (strcmp(path, "/control/log") == 0) {
        send_log(descriptor, number_after(query, "count="));
        return;
    }
    if (strcmp(path, "/control/reset") == 0) {
        latency_ns = number_after(query, "latency_ms=") * 1000000u;
        forget_records((enum done_by)number_after(query, "done_by="), (int)number_after(query, "linked="));
    }
    int length = snprintf(body, sizeof body, "{\"calls\": %lu, \"customers\": %lu, \"ends\": %lu, \"doubled\": %lu}",
                          (unsigned long)totals.calls, (unsigned long)totals.customers, (unsigned long)totals.ends,
                          (unsigned long)totals.doubled);
    send_all(descriptor, top, head(top, sizeof top, OK, (size_t)length));
    send_all(descriptor, body, (size_t)length);
}

/* Answer the first request in a connection's buffer. False if it has not come whole yet. */
static int take_request(int descriptor, struct connection *connection) {
    connection->in[connection->length] = 0;
    char *end = strstr(connection->in, "\r\n\r\n");
    if (!end) return 0;
    *end = 0;
    const char *declared = strcasestr(connection->in, "\r\ncontent-length:");
    size_t body_length = declared ? strtoul(declared + 17, NULL, 10) : 0;
    size_t length = (size_t)(end - connection->in) + 4 + body_length;
    if (length > connection->length) {
        *end = '\r';
        return 0;
    }
    char next = connection->in[length];
    connection->in[length] = 0;
    struct request request = {.method = connection->in, .body = end + 4};
    request.system_id = (unsigned)number_after(connection->in, "Bearer bench-");
    char *path = strchr(connection->in, ' ') + 1, *query = path + strcspn(path, "? ");
    char *query_end = query + strcspn(query, " ");
    *query_end = 0;
    char *parameters = *query ? query + 1 : query;
    *query = 0;
    request.path = path;
    if (strncmp(path, "/control/", 9) == 0) take_control(descriptor, path, parameters);
    else take_call(descriptor, connection, &request);
    connection->in[length] = next;
    connection->length -= length;
    memmove(connection->in, connection->in + length, connection->length);
    return 1;
}

static void end_connection(int descriptor) {
    connections[descriptor]->is_open = connections[descriptor]->is_waiting = 0;
    close(descriptor);
}

static void take_bytes(int descriptor) {
    struct connection *connection = connections[descriptor];
    size_t room = LONGEST_REQUEST - 1 - connection->length;
    ssize_t came = recv(descriptor, connection->in + connection->length, room, 0);
    if (came < 0 && errno == EAGAIN) return;
    if (came <= 0) {
        end_connection(descriptor);
        return;
    }
    connection->length += (size_t)came;
    while (!connection->is_waiting && connection->length && take_request(descriptor, connection)) {}
}

static void take_connection(int listener) {
    int descriptor, yes = 1;
    while ((descriptor = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
        if (descriptor >= MOST_CONNECTIONS) {
            close(descriptor);
            continue;
        }
        if (!connections[descriptor]) connections[descriptor] = malloc(sizeof(struct connection));
        struct connection *made = connections[descriptor];
        made->is_open = 1;
        made->is_waiting = 0;
        made->length = 0;
        made->born = ++births;
        setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
        struct epoll_event event = {.events = EPOLLIN, .data.fd = descriptor};
        epoll_ctl(poller, EPOLL_CTL_ADD, descriptor, &event);
    }
}

static void send_what_is_due(void) {
    uint64_t expirations;
    if (read(timer, &expirations, sizeof expirations) < 0) return;
    while (queue_length && queue[queue_first].at_ns <= now_ns()) {
        struct due due = queue[queue_first];
        queue_first = (queue_first + 1) % (MOST_CONNECTIONS * 2);
        queue_length--;
        struct connection *connection = connections[due.descriptor];
        if (!connection->is_open || connection->born != due.born) continue;
        connection->is_waiting = 0;
        send_all(due.descriptor, connection->out, connection->out_length);
        while (!connection->is_waiting && connection->length && take_request(due.descriptor, connection)) {}
    }
    if (queue_length) arm(queue[queue_first].at_ns);
}

static int listening(int port) {
    int yes = 1, listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    if (bind(listener, (struct sockaddr *)&address, sizeof address) || listen(listener, 4096)) {
        perror("the fake APIs cannot listen");
        exit(1);
    }
    return listener;
}

static void watch(int descriptor) {
    struct epoll_event event = {.events = EPOLLIN, .data.fd = descriptor};
    epoll_ctl(poller, EPOLL_CTL_ADD, descriptor, &event);
}

int main(int count, char **arguments) {
    struct rlimit files = {MOST_CONNECTIONS, MOST_CONNECTIONS};
    setrlimit(RLIMIT_NOFILE, &files);
    int listener = listening(count > 1 ? atoi(arguments[1]) : 0);
    poller = epoll_create1(0);
    timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
    open_records();
    forget_records(BY_WRITE, 1);
    watch(listener);
    watch(timer);
    printf("listening\n");
    fflush(stdout);
    for (;;) {
        struct epoll_event events[EVENTS];
        int ready = epoll_wait(poller, events, EVENTS, -1);
        for (int place = 0; place < ready; place++) {
            int descriptor = events[place].data.fd;
            if (descriptor == listener) take_connection(listener);
            else if (descriptor == timer) send_what_is_due();
            else if (connections[descriptor] && connections[descriptor]->is_open) take_bytes(descriptor);
        }
    }
}
