"""Faults in the assistants, models, tools and knowledge routes that the built-in plan builds."""

from __future__ import annotations

from checks.seeding import AI, CONFIG, ENV, ROUTES, SEEDS, SRC, TEMPLATE, Of

OPENAI = (
    Of(4, "OpenAI models named exist")
    .add(TEMPLATE, "OPENAI_MODEL=gpt-5.6-terra", "OPENAI_MODEL=gpt-0", "names gpt-0")
    .add(f"{ENV}production.env.example", "OPENAI_MODEL=gpt-5.6-terra", "OPENAI_MODEL=gpt-0",
         "names gpt-0")
    .add(CONFIG, '"OPENAI_MODEL", "gpt-5.6-terra"', '"OPENAI_MODEL", "gpt-0"', "names gpt-0")
    .add(f"{AI}models.json", "gpt-5.6-terra", "gpt-0", "names gpt-5.6-terra",
         at=(TEMPLATE, "OPENAI_MODEL="))
    .add(CONFIG, '"OPENAI_MODEL", "gpt-5.6-terra"', '"OPENAI_MODEL", DEFAULT', "is computed")
)  # fmt: skip

CLAUDE = (
    Of(4, "Claude models named exist")
    .add(f"{ENV}test.env.example", "claude-opus-5-5", "claude-none", "names claude-none",
         at=(f"{ENV}test.env.example", "CLAUDE_MODEL="))
    .add(CONFIG, '"claude-opus-5-5"', '"gpt-5.6-terra"', "names gpt-5.6-terra",
         at=(CONFIG, '"CLAUDE_MODEL"'))
)  # fmt: skip

TOOLS = (
    Of(4, "tools named exist")
    .add(f"{AI}assistants/booking.json", "list_bays", "book_bay", "names book_bay")
    .add(f"{SRC}ai/tools.ts", '"list_locations", "list_bays"]', '"list_locations", "bays"]',
         "names bays")
    .add(f"{SRC}ai/tools.ts", "  list_bays: (services)", "  bays: (services)", "names bays")
    .add(f"{AI}tools.json", '"name": "list_bays"', '"name": "bays"', "names list_bays",
         at=(f"{AI}assistants/tech_support.json", "list_bays"))
    .add(f"{AI}tools.json", '"name": "list_bays"', '"name": "bays"', "defines bays")
    .add(f"{AI}schemas/tools.schema.json", ', "list_bays"]', "]", "defines list_bays",
         at=(f"{AI}tools.json", '"list_bays"'))
)  # fmt: skip

LEAD = (
    Of(4, "knowledge routes lead to assistants")
    .add(f"{AI}routing.json", '"assistant": "membership"', '"assistant": "office"',
         "names office")
    .add(f"{AI}assistants/membership.json", '"key": "membership"', '"key": "office"',
         "names membership", at=(f"{AI}routing.json", '"assistant": "membership"'))
    .add(f"{AI}routing.json", '"assistant": "membership"', '"assistant": "booking"',
         f"which {AI}routing.json#$.routes[*].assistant never names",
         at=(f"{AI}assistants/membership.json", '"key"'))
    .add(f"{AI}schemas/routing.schema.json", '"tech_support", ', "",
         "defines tech_support", at=(f"{AI}assistants/tech_support.json", '"key"'))
    .add(f"{AI}schemas/assistant.schema.json", '"membership"]', '"membership", "office"]',
         "names office", at=(f"{AI}schemas/assistant.schema.json", '"office"'))
)  # fmt: skip

ARTICLES = (
    Of(4, "knowledge routes lead to articles")
    .add(f"{AI}routing.json", "frozen-screen", "frozen-picture", "names frozen-picture")
    .add(SEEDS, "('pausing-membership'", "('pauses'", "names pausing-membership",
         at=(f"{AI}routing.json", "pausing-membership"))
)  # fmt: skip

SCHEMAS = (
    Of(4, "configurations match their schemas")
    .add(f"{AI}routing.json", '"threshold": 0.4', '"threshold": 4', "$.threshold: 4 is greater")
    .add(f"{AI}routing.json", '"frozen": 0.7', '"Frozen": 0.7', "does not match",
         at=(f"{AI}routing.json", '"keywords": {\n        "Frozen"'))
    .add(f"{AI}models.json", '"maxOutputTokens": 1000', '"maxOutputTokens": "many"',
         "'many' is not of type 'integer'")
    .add(f"{AI}tools.json", '"name": "list_bays"', '"name": "drop_bays"', "is not one of")
)  # fmt: skip

AI_ROUTES = (
    Of(4, "routes match their handlers")
    .add(f"{ROUTES}assistants.ts", "services.conversations.answer(", "services.chats.answer(",
         "there is no service chats")
    .add(f"{ROUTES}engine.ts", "services.knowledge.find(", "services.knowledge.seek(",
         "knowledge has no method seek")
    .add(f"{ROUTES}engine.ts", "/api/knowledge/drafts", "/api/knowledge/proposals",
         "POST /api/knowledge/proposals is there twice",
         at=(f"{ROUTES}knowledge.ts", '"POST", "/api/knowledge/proposals", '))
    .add(f"{ROUTES}assistants.ts", "/:id/answer", "/:conversation/answer",
         'never reads ":conversation"')
)  # fmt: skip

AI_ACCESS = Of(4, "every route that needs it asks who calls").add(
    f"{ROUTES}engine.ts", '"/api/knowledge/drafts", STAFF,', '"/api/knowledge/drafts", [],',
    "POST /api/knowledge/drafts is open to []",
)  # fmt: skip

AI_USED = Of(4, "every source is used").add(
    f"{ROUTES}engine.ts", "await ClaudeEngine.load(config.claude)", "null", "runs uses it",
    at=(f"{SRC}ai/claudeEngine.ts", "import Anthropic"),
)  # fmt: skip

ASSISTANTS: tuple[Of, ...] = (
    OPENAI, CLAUDE, TOOLS, LEAD, ARTICLES, SCHEMAS, AI_ROUTES, AI_ACCESS, AI_USED,
)  # fmt: skip
