/** How a device becomes one of a fleet: it shows the hub its key, and is certified at once or when an operator agrees. */
export {
  type Answer,
  type Broker,
  ENQUIRY_BYTES,
  type Enquiry,
  type EnrolFault,
  enrol,
  explainEnrol,
  type Membership,
  nameOfHub,
} from "./enrol.ts";
