/* Events as JSON in one pass over their bytes: what amp.core.ws.event_json does, for the events that are plain.
 *
 * This is optional. Where no C compiler was at hand when amp was installed, amp.core.ws.event_forms does the same
 * in Python, several times slower; whatever is odd about an event is always left to Python. The tests hold all
 * three together.
 */
#define Py_LIMITED_API 0x030B0000
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdint.h>
#include <string.h>

#define MOST_HEADERS 64
#define ROOM 8192 /* of the stack: for events of up to 2 KB, that is nearly all */

static const char EVENT[] = "Event: ", GAP[] = "ProxyGap";

typedef struct {
    const char *at;
    size_t length;
} Text;

typedef struct {
    Text name, value;
    int first; /* the header of this name that came first, mostly itself */
    int several; /* others of this name came behind it */
} Header;

typedef struct {
    Header headers[MOST_HEADERS];
    int count;
    int escapes; /* there is a quotation mark or a backslash */
    uint64_t names; /* a bit for each name so far, to know most new ones without a search */
} Event;

/* What bytes there are. 0 if they cannot be those of a plain event. The loop is one that compilers vectorise;
 * that every CR has a LF behind it is left to who cuts the lines. */
static int look_over(Event *event, const char *raw, size_t length) {
    unsigned char high = 0, marks = 0, odd = 0;
    for (size_t i = 1; i < length; i++) {
        unsigned char byte = (unsigned char)raw[i], before = (unsigned char)raw[i - 1];
        unsigned char ends = (unsigned char)((byte == '\r') | ((byte == '\n') & (before == '\r')));
        high |= byte;
        marks |= (unsigned char)((byte == '"') | (byte == '\\'));
        odd |= (unsigned char)((byte < ' ') & !ends);
    }
    event->escapes = marks;
    if (odd || !(high & 0x80)) return !odd;
    PyObject *text = PyUnicode_DecodeUTF8(raw, (Py_ssize_t)length, "strict");
    if (text == NULL) PyErr_Clear();
    Py_XDECREF(text);
    return text != NULL;
}

static int same(const Text *one, const Text *other) {
    return one->length == other->length && *one->at == *other->at && !memcmp(one->at, other->at, one->length);
}

static void join_its_name(Event *event, int index) {
    Header *header = &event->headers[index];
    const Text *name = &header->name;
    size_t mixed = name->length * 7 + (unsigned char)name->at[0] + 3u * (unsigned char)name->at[name->length - 1];
    uint64_t bit = UINT64_C(1) << (mixed % 64);
    header->first = index;
    header->several = 0;
    for (int i = 0; event->names & bit && i < index; i++) {
        if (same(&event->headers[i].name, name)) {
            header->first = i;
            event->headers[i].several = 1;
            break;
        }
    }
    event->names |= bit;
}

/* Takes the line apart into name and value. 0 if it is no "Name: Value". */
static int read_header(Event *event, const char *line, const char *end) {
    Header *header = &event->headers[event->count];
    const char *colon = memchr(line, ':', (size_t)(end - line));
    if (colon == NULL || colon == line) return 0;
    header->name = (Text){line, (size_t)(colon - line)};
    do colon++;
    while (colon < end && *colon == ' ');
    header->value = (Text){colon, (size_t)(end - colon)};
    join_its_name(event, event->count++);
    return 1;
}

/* Reads an event without its blank line. 0 if anything about it is odd. */
static int read_event(Event *event, const char *raw, size_t length) {
    const char *line = raw, *end = raw + length;
    event->count = 0;
    event->names = 0;
    if (length < sizeof EVENT - 1 || memcmp(raw, EVENT, sizeof EVENT - 1)) return 0;
    if (!look_over(event, raw, length)) return 0;
    for (;;) {
        const char *stop = memchr(line, '\r', (size_t)(end - line));
        if (event->count == MOST_HEADERS || !read_header(event, line, stop ? stop : end)) return 0;
        if (stop == NULL) break;
        if (end - stop < 2 || stop[1] != '\n') return 0;
        line = stop + 2;
    }
    /* A gap is no event (amp.core.fanout.gap), and an event has one name. */
    return !event->headers[0].several && (event->headers[0].value.length != sizeof GAP - 1 ||
                                          memcmp(event->headers[0].value.at, GAP, sizeof GAP - 1));
}

static char *put(char *out, const char *bytes, size_t length) {
    memcpy(out, bytes, length);
    return out + length;
}

static char *put_text(char *out, const Text *text, int escapes) {
    *out++ = '"';
    if (!escapes) {
        out = put(out, text->at, text->length);
    } else {
        for (size_t i = 0; i < text->length; i++) {
            if (text->at[i] == '"' || text->at[i] == '\\') *out++ = '\\';
            *out++ = text->at[i];
        }
    }
    *out++ = '"';
    return out;
}

static char *put_number(char *out, unsigned long long number) {
    char digits[20];
    int count = 0;
    do digits[count++] = (char)('0' + number % 10);
    while (number /= 10);
    while (count) *out++ = digits[--count];
    return out;
}

/* A list of all values of a name, in order. */
static char *put_list(char *out, const Event *event, int first) {
    char mark = '[';
    for (int i = first; i < event->count; i++) {
        if (event->headers[i].first == first) {
            *out++ = mark;
            out = put_text(out, &event->headers[i].value, event->escapes);
            mark = ',';
        }
    }
    *out++ = ']';
    return out;
}

static char *put_event(char *out, const Event *event) {
    char mark = '{';
    out = put(out, "\"event\":", 8);
    out = put_text(out, &event->headers[0].value, event->escapes);
    out = put(out, ",\"headers\":", 11);
    for (int i = 0; i < event->count; i++) {
        const Header *header = &event->headers[i];
        if (header->first != i) continue;
        *out++ = mark;
        out = put_text(out, &header->name, event->escapes);
        *out++ = ':';
        out = header->several ? put_list(out, event, i) : put_text(out, &header->value, event->escapes);
        mark = ',';
    }
    *out++ = '}';
    return out;
}

/* What a message takes at most: every byte may need an escape, the event's name stands there twice, a header has
 * nine marks, and there are the front, the number and the marks around them. */
static size_t most_bytes(const Event *event, size_t length, size_t front_length) {
    return front_length + 4 * length + 9 * (size_t)event->count + 64;
}

static char *put_message(char *out, const Event *event, const Text *front, unsigned long long number) {
    out = put_number(put(out, front->at, front->length), number);
    *out++ = ',';
    out = put_event(out, event);
    *out++ = '}';
    return out;
}

/* Reads one of the frames given. -1 with an exception if it is no bytes, 0 if it is no plain event. */
static int read_item(Event *event, PyObject *frames, Py_ssize_t index, size_t *length) {
    char *raw;
    Py_ssize_t size;
    if (PyBytes_AsStringAndSize(PyList_GetItem(frames, index), &raw, &size) < 0) return -1;
    if (size > PY_SSIZE_T_MAX / 8) return 0;
    *length = (size_t)size;
    return read_event(event, raw, *length);
}

/* One message; an empty one if the event is odd. */
static PyObject *message_of(PyObject *frames, Py_ssize_t index, const Text *front, unsigned long long number) {
    Event event;
    char room[ROOM];
    size_t length;
    int plain = read_item(&event, frames, index, &length);
    if (plain < 0) return NULL;
    if (!plain) return PyBytes_FromStringAndSize(NULL, 0);
    size_t most = most_bytes(&event, length, front->length);
    char *start = most <= sizeof room ? room : PyMem_Malloc(most);
    if (start == NULL) return PyErr_NoMemory();
    PyObject *message = PyBytes_FromStringAndSize(start, put_message(start, &event, front, number) - start);
    if (start != room) PyMem_Free(start);
    return message;
}

static int read_arguments(PyObject *arguments, PyObject **frames, Text *front, unsigned long long *first) {
    Py_ssize_t length;
    if (!PyArg_ParseTuple(arguments, "O!y#K", &PyList_Type, frames, &front->at, &length, first)) return 0;
    front->length = (size_t)length;
    return 1;
}

static PyObject *event_messages(PyObject *module, PyObject *arguments) {
    (void)module;
    PyObject *frames, *found;
    Text front;
    unsigned long long first;
    if (!read_arguments(arguments, &frames, &front, &first)) return NULL;
    Py_ssize_t count = PyList_Size(frames);
    if (!(found = PyList_New(count))) return NULL;
    for (Py_ssize_t i = 0; i < count; i++) {
        PyObject *message = message_of(frames, i, &front, first + (unsigned long long)i);
        if (message == NULL) {
            Py_DECREF(found);
            return NULL;
        }
        PyList_SetItem(found, i, message);
    }
    return found;
}

PyDoc_STRVAR(event_messages_doc,
             "event_messages(frames: list[bytes], front: bytes, first: int, /) -> list[bytes]\n--\n\n"
             "A JSON object for each event: front, its number, name and headers; empty if anything is odd about it.");

/* Writes the head of an unmasked text of that many bytes (RFC 6455, 5.2); its length. */
static size_t put_head(unsigned char *out, size_t size) {
    size_t digits = size < 126 ? 0 : size < 65536 ? 2 : 8;
    out[0] = 0x81;
    out[1] = (unsigned char)(digits == 0 ? size : digits == 2 ? 126 : 127);
    for (size_t i = 0; i < digits; i++) out[2 + i] = (unsigned char)((uint64_t)size >> (8 * (digits - 1 - i)));
    return 2 + digits;
}

typedef struct {
    char *start;
    size_t used, room;
} Output;

static int make_room(Output *output, size_t more) {
    if (output->room - output->used >= more) return 1;
    size_t room = 2 * output->room + more;
    char *start = PyMem_Realloc(output->start, room);
    if (start == NULL) return 0;
    output->start = start;
    output->room = room;
    return 1;
}

/* Adds one event as a WebSocket frame. -1 with an exception, 0 if the event is odd. */
static int add_frame(Output *output, PyObject *frames, Py_ssize_t index, const Text *front, unsigned long long number) {
    Event event;
    size_t length;
    unsigned char head[10];
    int plain = read_item(&event, frames, index, &length);
    if (plain <= 0) return plain;
    if (!make_room(output, most_bytes(&event, length, front->length) + sizeof head)) {
        PyErr_NoMemory();
        return -1;
    }
    char *out = output->start + output->used, *text = out + 4; /* most messages have a head of four bytes */
    size_t size = (size_t)(put_message(text, &event, front, number) - text), head_length = put_head(head, size);
    if (head_length != 4) memmove(out + head_length, text, size);
    memcpy(out, head, head_length);
    output->used += head_length + size;
    return 1;
}

static PyObject *event_frames(PyObject *module, PyObject *arguments) {
    (void)module;
    PyObject *frames, *found = NULL;
    Text front;
    unsigned long long first;
    Output output = {NULL, 0, 0};
    int plain = 1;
    if (!read_arguments(arguments, &frames, &front, &first)) return NULL;
    Py_ssize_t count = PyList_Size(frames);
    for (Py_ssize_t i = 0; i < count && plain > 0; i++)
        plain = add_frame(&output, frames, i, &front, first + (unsigned long long)i);
    if (plain >= 0) found = PyBytes_FromStringAndSize(output.start, plain ? (Py_ssize_t)output.used : 0);
    PyMem_Free(output.start);
    return found;
}

PyDoc_STRVAR(event_frames_doc,
             "event_frames(frames: list[bytes], front: bytes, first: int, /) -> bytes\n--\n\n"
             "The same as one WebSocket text frame behind the other; nothing if anything is odd about one of them.");

static PyMethodDef methods[] = {
    {"event_messages", event_messages, METH_VARARGS, event_messages_doc},
    {"event_frames", event_frames, METH_VARARGS, event_frames_doc},
    {NULL, NULL, 0, NULL},
};

static PyModuleDef_Slot slots[] = {{0, NULL}};

static struct PyModuleDef definition = {
    .m_base = PyModuleDef_HEAD_INIT,
    .m_name = "amp.core.ws.speedups",
    .m_doc = "What is done in C where a compiler was at hand; see amp.core.ws.event_json.",
    .m_methods = methods,
    .m_slots = slots,
};

PyMODINIT_FUNC PyInit_speedups(void) { return PyModuleDef_Init(&definition); }
