"""An agent that carries out the built-in plan from a folder of files, by the id of each action.

As ``python agent.py --shell`` it is a command that finds its action in $PROMPT; without, it speaks
the Agent Client Protocol, writes every second file through the client, and asks before it begins.
"""

import json
import os
import re
import sys
from pathlib import Path

FILES = Path("tools/blueprint")


def files_of(prompt):
    name = re.search(r"^Action \d+ of \d+: (\S+)$", prompt, re.MULTILINE)[1]
    folder = next(FILES.glob(f"*/{name}"))
    return [
        (path, path.relative_to(folder)) for path in sorted(folder.rglob("*")) if path.is_file()
    ]


def copy(source, target):
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(source.read_bytes())
    target.chmod(source.stat().st_mode & 0o777)


def send(message):
    print(json.dumps({"jsonrpc": "2.0", **message}), flush=True)


def ask(number, method, params):
    send({"id": number, "method": method, "params": {"sessionId": "s", **params}})
    while True:
        message = json.loads(sys.stdin.readline())
        if message.get("id") == number and "method" not in message:
            return message


def update(**fields):
    send({"method": "session/update", "params": {"sessionId": "s", "update": fields}})


def turn(prompt, number):
    call = {"toolCallId": f"t{number}", "title": "Copy files", "kind": "execute",
            "rawInput": {"command": "cp -r tools/blueprint ."}}  # fmt: skip
    options = [{"optionId": "y", "name": "Yes", "kind": "allow_once"}]
    answer = ask(number, "session/request_permission", {"toolCall": call, "options": options})
    if answer["result"]["outcome"]["outcome"] != "selected":
        return "refusal"
    for at, (source, target) in enumerate(files_of(prompt)):
        path = str(Path("/workspace") / target)
        update(sessionUpdate="tool_call", toolCallId=f"t{number}.{at}", title=f"Write {target}",
               kind="edit", status="completed", locations=[{"path": path}])  # fmt: skip
        if at % 2 or os.access(source, os.X_OK):
            copy(source, target)
        else:
            ask(10_000 + at, "fs/write_text_file", {"path": path, "content": source.read_text()})
    return "end_turn"


def converse():
    turns = 0
    for line in sys.stdin:
        request = json.loads(line)
        number = request.get("id")
        if request.get("method") == "initialize":
            send({"id": number, "result": {"protocolVersion": 1}})
        elif request.get("method") == "session/new":
            send({"id": number, "result": {"sessionId": "s"}})
        elif request.get("method") == "session/prompt":
            turns += 1
            reason = turn(request["params"]["prompt"][0]["text"], 500 + turns)
            send({"id": number, "result": {"stopReason": reason}})


if "--shell" in sys.argv:
    for source, target in files_of(os.environ["PROMPT"]):
        copy(source, target)
        print(f"wrote {target}")
else:
    converse()
