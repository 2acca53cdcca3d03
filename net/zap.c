#include "net/zap.h"

#include <errno.h>
#include <string.h>
#include <zmq.h>

/* version, request id, domain, address, routing id, mechanism, key */
enum {
    PART_VERSION,
    PART_REQUEST_ID,
    PART_DOMAIN,
    PART_ADDRESS,
    PART_ROUTING_ID,
    PART_MECHANISM,
    PART_KEY,
    PARTS,
};

#define KEY_SIZE 32
#define ZAP_TEXT_OF(status) #status
#define ZAP_TEXT(status) ZAP_TEXT_OF(status)
/* libzmq's request ids have one byte; RFC 27 sets no bound, so here is ours. */
#define REQUEST_ID_SIZE_MAX 255

/* A question as it came in. `count` goes on counting past what was kept. */
struct zap_question {
    zmq_msg_t parts[PARTS];
    size_t count;
};

void *zap_open(void *zmq_context)
{
    void *socket = zmq_socket(zmq_context, ZMQ_REP);
    if (socket == NULL)
        return NULL;
    int linger_ms = 0;
    CHECK(zmq_setsockopt(socket, ZMQ_LINGER, &linger_ms, sizeof(linger_ms)) == 0);
    if (zmq_bind(socket, "inproc://zeromq.zap.01") != 0) {
        int reason = errno;
        zmq_close(socket);
        errno = reason;
        return NULL;
    }
    return socket;
}

/* Takes a whole question in. All parts of one message are there at once, so that reading
 * on does not wait. What exceeds the expected parts is dropped as it is read. */
static bool question_take(void *socket, struct zap_question *question)
{
    zmq_msg_t surplus = {0};
    bool more = true;
    question->count = 0;
    while (more) {
        bool wanted = question->count < PARTS;
        zmq_msg_t *part = wanted ? &question->parts[question->count] : &surplus;
        zmq_msg_init(part);
        if (zmq_msg_recv(part, socket, ZMQ_DONTWAIT) < 0) {
            zmq_msg_close(part);
            break;
        }
        question->count++;
        more = zmq_msg_more(part) != 0;
        if (!wanted)
            zmq_msg_close(part);
    }
    return question->count > 0;
}

static void question_discard(struct zap_question *question)
{
    for (size_t i = 0; i < question->count && i < PARTS; i++)
        zmq_msg_close(&question->parts[i]);
    question->count = 0;
}

static struct slice question_part(struct zap_question *question, size_t index)
{
    if (index >= question->count)
        return slice_of(NULL, 0);
    zmq_msg_t *part = &question->parts[index];
    return slice_of(zmq_msg_data(part), zmq_msg_size(part));
}

static bool question_is_ours(struct zap_question *question)
{
    return question->count == PARTS &&
           slice_equal(question_part(question, PART_VERSION), slice_text("1.0")) &&
           slice_equal(question_part(question, PART_DOMAIN), slice_text(ZAP_DOMAIN)) &&
           slice_equal(question_part(question, PART_MECHANISM), slice_text("CURVE")) &&
           question_part(question, PART_KEY).size == KEY_SIZE;
}

static void zap_put(void *socket, struct slice part, int flags)
{
    /* A handshake that has ended meanwhile makes libzmq drop the answer by itself; any
     * other failure leaves the question unanswered, and the handshake then times out. */
    (void)zmq_send(socket, part.data, part.size, ZMQ_DONTWAIT | flags);
}

struct zap_verdict {
    const char *status, *words;
    char user_id[ZAP_USER_ID_SIZE];
};

static struct zap_verdict zap_judge(struct zap_question *question,
                                    const struct transport_options *options)
{
    struct zap_verdict verdict = {.status = "400", .words = "not a member"};
    if (!question_is_ours(question))
        return verdict;
    struct slice key = question_part(question, PART_KEY);
    uint32_t peer;
    if (options->member(options->context, key.data, &peer) &&
        zmq_z85_encode(verdict.user_id, key.data, KEY_SIZE) != NULL) {
        verdict.status = "200";
        verdict.words = "";
    } else if (options->shut_out != NULL &&
               options->shut_out(options->context, key.data)) {
        verdict.status = ZAP_TEXT(ZAP_STATUS_SHUT_OUT);
        verdict.words = "shut out";
    }
    return verdict;
}

static void zap_answer(void *socket, struct slice request_id,
                       const struct zap_verdict *verdict)
{
    if (request_id.size > REQUEST_ID_SIZE_MAX)
        request_id.size = 0;
    zap_put(socket, slice_text("1.0"), ZMQ_SNDMORE);
    zap_put(socket, request_id, ZMQ_SNDMORE);
    zap_put(socket, slice_text(verdict->status), ZMQ_SNDMORE);
    zap_put(socket, slice_text(verdict->words), ZMQ_SNDMORE);
    zap_put(socket, slice_text(verdict->user_id), ZMQ_SNDMORE);
    zap_put(socket, slice_text(""), 0);
}

size_t zap_serve(void *socket, const struct transport_options *options)
{
    struct zap_question question;
    size_t answered = 0;
    while (answered < ZAP_ANSWERS_MAX && question_take(socket, &question)) {
        struct zap_verdict verdict = zap_judge(&question, options);
        zap_answer(socket, question_part(&question, PART_REQUEST_ID), &verdict);
        question_discard(&question);
        answered++;
    }
    return answered;
}
