// @parse/node-apn: APNs over Node's own HTTP/2.
import { readFileSync } from "node:fs";
import apn from "@parse/node-apn";
import { job, measure } from "./measure.mjs";

const provider = new apn.Provider({
  token: { key: job.apns_key, keyId: job.apns_key_id, teamId: job.apns_team_id },
  address: job.host,
  port: job.port,
  ca: readFileSync(job.authority),
  production: true,
});
const payload = JSON.parse(job.body);

await measure(async (token) => {
  const notification = new apn.Notification();
  notification.rawPayload = payload;
  notification.topic = job.bundle_id;
  notification.pushType = "alert";
  notification.priority = 10;
  return (await provider.send(notification, token)).sent.length === 1;
});
