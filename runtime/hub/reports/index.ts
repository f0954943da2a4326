/** What devices say, on its way into the registry. */
export { type BrokerAddress, connectHub, type HubClient } from "./connect.ts";
export { openReports, type Reports, type ReportsPorts } from "./reports.ts";
export { reportText } from "./text.ts";
