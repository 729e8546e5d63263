// See doctor.h.
#include "doctor/doctor.h"

#include "doctor/checks.h"
#include "doctor/report.h"

namespace sidelock {

namespace {

Patient look_at(const Settings& settings, const std::vector<std::string>& setting_warnings) {
  Patient patient{settings, setting_warnings, read_live_rules(), {}, {}, {}, {}, {}};
  patient.tcp = listening_tcp_sockets();
  patient.udp = waiting_udp_sockets();
  patient.owners = socket_owners();
  patient.addresses = interface_addresses();
  patient.interfaces = interfaces();
  return patient;
}

void add(Checks& all, Checks more) {
  for (Check& check : more) all.push_back(std::move(check));
}

}  // namespace

Diagnosis diagnose(const Settings& settings, const std::vector<std::string>& setting_warnings) {
  const Patient patient = look_at(settings, setting_warnings);
  Checks checks = check_process(patient);
  add(checks, check_credential(patient));
  add(checks, check_clients(patient));
  const Arrivals arrivals = check_arrivals(patient);
  add(checks, check_capture(patient, arrivals.is_proven));
  add(checks, check_routing(patient));
  add(checks, arrivals.checks);
  add(checks, check_app(patient));
  const bool is_json = settings.output == OutputFormat::kJson;
  return {is_json ? report_as_json(checks) : report_as_text(checks), exit_code_of(checks)};
}

}  // namespace sidelock
