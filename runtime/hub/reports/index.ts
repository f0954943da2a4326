/** What devices say, on its way into the registry. */
export { openReports, type Reports, type ReportsPorts } from "./reports.ts";
