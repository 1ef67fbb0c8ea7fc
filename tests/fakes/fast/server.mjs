// A gateway that takes everything, as fast as it can: for load, where a strict one would be the
// limit. node server.mjs DIRECTORY: with key.pem and cert.pem in it; writes port.json there. It ends
// when its standard input closes.
import { readFileSync, renameSync, writeFileSync } from "node:fs";
import { createSecureServer } from "node:http2";
import { join } from "node:path";

const [directory] = process.argv.slice(2);
const read = (name) => readFileSync(join(directory, name));

const server = createSecureServer({
  key: read("key.pem"),
  cert: read("cert.pem"),
  settings: { maxConcurrentStreams: 1000 },
});
server.on("stream", (stream) => {
  stream.resume();
  stream.on("end", () => stream.respond({ ":status": 200 }, { endStream: true }));
});
server.listen(0, "127.0.0.1", () => {
  writeFileSync(join(directory, "port.part"), JSON.stringify(server.address().port));
  renameSync(join(directory, "port.part"), join(directory, "port.json"));
});
process.stdin.resume();
process.stdin.on("end", () => process.exit(0));
