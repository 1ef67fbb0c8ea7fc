// web-push, with an agent that keeps a hundred connections open.
import { createPrivateKey } from "node:crypto";
import { readFileSync } from "node:fs";
import { Agent } from "node:https";
import webpush from "web-push";
import { job, measure } from "./measure.mjs";

const agent = new Agent({ keepAlive: true, maxSockets: job.in_flight, ca: readFileSync(job.authority) });
const { x, y, d } = createPrivateKey(readFileSync(job.vapid_key)).export({ format: "jwk" });
const point = Buffer.concat([Buffer.of(4), Buffer.from(x, "base64url"), Buffer.from(y, "base64url")]);
const vapidDetails = { subject: job.contact, publicKey: point.toString("base64url"), privateKey: d };

await measure(async (subscription) => {
  const answer = await webpush.sendNotification(subscription, job.body, { agent, vapidDetails, TTL: job.time_to_live });
  return answer.statusCode === 201;
});
