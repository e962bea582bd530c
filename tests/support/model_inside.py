"""A server in the place of a model, for agents that people have; it runs in the box, beside them.

It has the agent write ``made.txt`` with whatever tool the agent offers for that, and then ends.
It speaks as much of the APIs of Anthropic and of Google as they ask for.
"""

import http.server
import json
import sys
import threading
import time

CONTENT = "made by the agent\n"


def events_of_anthropic(body):
    """Return the events of an answer: a tool call first, words when its result is there."""
    tools = {tool["name"]: tool.get("input_schema", {}) for tool in body.get("tools", [])}
    name = next((item for item in ("Write", "write") if item in tools), "")
    done = "tool_result" in json.dumps(body.get("messages", []))
    start = {"type": "message_start", "message": {
        "id": "msg_1", "type": "message", "role": "assistant", "model": body.get("model", "m"),
        "content": [], "stop_reason": None, "stop_sequence": None,
        "usage": {"input_tokens": 10, "output_tokens": 1}}}  # fmt: skip
    if name and not done:
        key = "file_path" if "file_path" in tools[name].get("properties", {}) else "filePath"
        given = json.dumps({key: "/workspace/made.txt", "content": CONTENT})
        block = {"type": "tool_use", "id": "toolu_1", "name": name, "input": {}}
        delta, reason = {"type": "input_json_delta", "partial_json": given}, "tool_use"
    else:
        block = {"type": "text", "text": ""}
        delta, reason = {"type": "text_delta", "text": "Done."}, "end_turn"
    return [
        start,
        {"type": "content_block_start", "index": 0, "content_block": block},
        {"type": "content_block_delta", "index": 0, "delta": delta},
        {"type": "content_block_stop", "index": 0},
        {"type": "message_delta", "delta": {"stop_reason": reason, "stop_sequence": None},
         "usage": {"output_tokens": 20}},
        {"type": "message_stop"},
    ]  # fmt: skip


def whole_of_anthropic(events):
    """Return the same answer as one message."""
    message = dict(events[0]["message"])
    block, delta = dict(events[1]["content_block"]), events[2]["delta"]
    if block["type"] == "tool_use":
        block["input"] = json.loads(delta["partial_json"])
    else:
        block["text"] = delta["text"]
    return {**message, "content": [block], "stop_reason": events[4]["delta"]["stop_reason"]}


def answer_of_google(body):
    functions = [
        item for tool in body.get("tools", []) for item in tool.get("functionDeclarations", [])
    ]
    done = "functionResponse" in json.dumps(body.get("contents", []))
    if not done and any(item["name"] == "write_file" for item in functions):
        given = {"file_path": "/workspace/made.txt", "content": CONTENT}
        part = {"functionCall": {"name": "write_file", "args": given}}
    else:
        part = {"text": "Done."}
    return {"candidates": [{"content": {"role": "model", "parts": [part]}, "finishReason": "STOP",
                            "index": 0}],
            "usageMetadata": {"promptTokenCount": 10, "candidatesTokenCount": 5,
                              "totalTokenCount": 15}}  # fmt: skip


def events_of_openai(body):
    """Return the events of an answer: a command first, words when its output is there."""
    tools = [tool.get("name", "") for tool in body.get("tools", [])]
    name = next((item for item in ("shell", "shell_command", "exec_command") if item in tools), "")
    if name and "function_call_output" not in json.dumps(body.get("input", [])):
        line = f"printf '{CONTENT.strip()}\\n' > made.txt"
        given = {
            "shell": {"command": ["sh", "-c", line]},
            "shell_command": {"command": line},
            "exec_command": {"cmd": line},
        }[name]
        item = {"type": "function_call", "name": name, "call_id": "call_1", "id": "fc_1",
                "arguments": json.dumps(given)}  # fmt: skip
    else:
        item = {"type": "message", "role": "assistant", "id": "msg_1",
                "content": [{"type": "output_text", "text": "Done."}]}  # fmt: skip
    usage = {"input_tokens": 10, "output_tokens": 5, "total_tokens": 15}
    return [
        {"type": "response.created", "response": {"id": "resp_1"}},
        {"type": "response.output_item.done", "output_index": 0, "item": item},
        {"type": "response.completed", "response": {"id": "resp_1", "usage": usage}},
    ]


class Model(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        size = int(self.headers.get("content-length") or 0)
        body = json.loads(self.rfile.read(size) or b"{}")
        path = self.path.partition("?")[0]
        if path.endswith("/messages"):
            events = events_of_anthropic(body)
            if body.get("stream"):
                self.stream([(event["type"], event) for event in events])
            else:
                self.whole(whole_of_anthropic(events))
        elif path.endswith("/responses"):
            self.stream([(event["type"], event) for event in events_of_openai(body)])
        elif path.endswith(":streamGenerateContent"):
            self.stream([("", answer_of_google(body))])
        elif path.endswith(":generateContent"):
            self.whole(answer_of_google(body))
        elif "ountTokens" in path or path.endswith("count_tokens"):
            self.whole({"input_tokens": 10, "totalTokens": 10})
        else:
            self.whole({})

    def do_GET(self):
        self.whole({"data": []})

    def whole(self, body):
        self.send("application/json", json.dumps(body).encode())

    def stream(self, events):
        text = "".join(
            (f"event: {name}\n" if name else "") + f"data: {json.dumps(event)}\n\n"
            for name, event in events
        )
        self.send("text/event-stream", text.encode())

    def send(self, kind, data):
        self.send_response(200)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Model)
threading.Thread(target=server.serve_forever, daemon=True).start()
time.sleep(600)
