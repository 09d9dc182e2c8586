// Single requests to the rack's Redfish front: answers that a well-behaved client seldom sees.
#include <doctest/doctest.h>

#include <algorithm>

#include "sim/bmc/redfish_room.h"

namespace {

using Room = sim::RedfishRoom;
using base::Json;
using sim::iso;
using sim::media_path;
using sim::reset_path;
using sim::sessions_path;
using sim::system_path;

Json body_of(const net::Response& response) {
  auto parsed = base::parse_json(response.body);
  REQUIRE_MESSAGE(parsed.ok(), response.body);
  return *parsed;
}

// The id of the one message in an error body, without its registry.
std::string complaint_of(const net::Response& response) {
  const Json body = body_of(response);
  const Json& error = body["error"];
  REQUIRE(error["@Message.ExtendedInfo"].size() == 1);
  const Json& message = error["@Message.ExtendedInfo"].at(0);
  CHECK_FALSE(message["Message"].string().empty());
  CHECK(error["code"].string() == message["MessageId"].string());
  const std::string id = message["MessageId"].string();
  return id.substr(id.rfind('.') + 1);
}

}  // namespace

TEST_CASE("Redfish: sessions are made, read and deleted as resources") {
  Room room;
  room.run([&] {
    const auto log_in = [&](const std::string& user, const std::string& password) {
      const auto body = Json::object({{"UserName", user}, {"Password", password}}).dump();
      return room.send({"POST", sessions_path, {{"Content-Type", "application/json"}}, body});
    };
    const auto made = log_in("viewer", "view-secret");
    CHECK(made.status == 201);
    const auto path = made.headers.get("Location");
    const auto token = made.headers.get("X-Auth-Token");
    CHECK(path.find(sessions_path) == 0);
    CHECK(token.size() >= 16);
    const Json session = body_of(made);
    CHECK(session["@odata.id"].string() == path);
    CHECK(session["UserName"].string() == "viewer");
    CHECK(session["Password"].is_null());
    CHECK(session["ClientOriginIPAddress"].string() == "10.0.0.1");
    CHECK(made.body.find(token) == std::string::npos);

    const auto with_token = [&](const std::string& method, const std::string& at) {
      return room.send({method, at, {{"X-Auth-Token", token}}, ""});
    };
    CHECK(body_of(with_token("GET", sessions_path))["Members@odata.count"].integer() == 1);
    const auto admins = log_in("admin", "rack-secret-01").headers.get("Location");
    CHECK(with_token("DELETE", admins).status == 403);  // only its own
    CHECK(with_token("DELETE", path).status == 204);
    CHECK(complaint_of(with_token("GET", sessions_path)) == "NoValidSession");
    CHECK(room.ask("GET", path).status == 404);
    CHECK(room.ask("DELETE", admins).status == 204);
    CHECK(room.front.sessions() == 0);

    CHECK(log_in("viewer", "wrong").status == 401);
    CHECK(complaint_of(room.send({"POST", sessions_path, {}, R"({"UserName":"viewer"})"})) == "PropertyMissing");
    CHECK(complaint_of(room.send({"POST", sessions_path, {}, R"({"UserName":"viewer","Password":7})"})) ==
          "PropertyValueTypeError");
    const char* service = "/redfish/v1/SessionService";
    CHECK(room.ask("PATCH", service, R"({"SessionTimeout":5})").status == 400);
    CHECK(body_of(room.ask("PATCH", service, R"({"SessionTimeout":60})"))["SessionTimeout"].integer() == 60);
    REQUIRE(log_in("viewer", "view-secret").status == 201);
    room.wait(base::seconds(61));
    CHECK(room.front.sessions() == 0);
  });
}

TEST_CASE("Redfish: what may be read without credentials, and what not") {
  Room room;
  room.run([&] {
    for (const char* open : {"/redfish", "/redfish/", "/redfish/v1", "/redfish/v1/", "/redfish/v1/odata"}) {
      CAPTURE(open);
      const auto response = room.send({"GET", open});
      CHECK(response.status == 200);
      CHECK(response.headers.get("OData-Version") == "4.0");
      CHECK(body_of(response).is_object());
    }
    const auto metadata = room.send({"GET", "/redfish/v1/$metadata"});
    CHECK(metadata.status == 200);
    CHECK(metadata.headers.get("Content-Type") == "application/xml");
    CHECK(metadata.body.find("<edmx:Edmx") != std::string::npos);
    for (const char* closed : {"/redfish/v1/Systems", system_path, media_path, "/redfish/v1/nothing", "/"}) {
      CAPTURE(closed);
      const auto response = room.send({"GET", closed});
      CHECK(response.status == 401);
      CHECK(complaint_of(response) == "NoValidSession");
      CHECK(response.headers.get("WWW-Authenticate").find("Basic") == 0);
    }
    CHECK(room.ask("GET", system_path, "", {{"Authorization", "Basic ???"}}).status == 401);
    CHECK(room.ask("GET", system_path, "", {{"Authorization", room.basic("admin", "no")}}).status == 401);
    CHECK(room.send({"GET", system_path, {{"X-Auth-Token", "made-up"}}}).status == 401);
    CHECK(room.send({"POST", reset_path, {}, R"({"ResetType":"On"})"}).status == 401);
    CHECK_FALSE(room.server.powered_on());
  });
}

TEST_CASE("Redfish: every link leads to a resource that carries its own path, type and name") {
  Room room;
  room.run([&] {
    std::vector<std::string> paths{"/redfish/v1/"};
    const std::function<void(const Json&)> collect = [&](const Json& value) {
      for (const auto& item : value.items()) collect(item);
      for (const auto& [name, member] : value.members()) {
        if (name != "@odata.id") {
          collect(member);
        } else if (std::find(paths.begin(), paths.end(), member.string()) == paths.end()) {
          paths.push_back(member.string());
        }
      }
    };
    for (size_t i = 0; i < paths.size(); ++i) {
      const auto path = paths[i];
      CAPTURE(path);
      const auto response = room.ask("GET", path);
      REQUIRE(response.status == 200);
      const Json document = body_of(response);
      CHECK(document["@odata.id"].string() == path);
      CHECK(document["@odata.type"].string().find('#') == 0);
      CHECK_FALSE(document["Name"].string().empty());
      CHECK(document["@odata.etag"].string() == response.headers.get("ETag"));
      CHECK(document["Members"].size() == size_t(document["Members@odata.count"].integer()));
      collect(document);
    }
    CHECK(paths.size() > 20);
    const Json system = body_of(room.ask("GET", std::string(system_path) + "/"));
    CHECK(system["MemorySummary"]["TotalSystemMemoryGiB"].integer() == 256);
    CHECK(system["ProcessorSummary"]["Count"].integer() == 2);
    const Json nic = body_of(room.ask("GET", std::string(system_path) + "/EthernetInterfaces/NIC2"));
    CHECK(nic["MACAddress"].string() == "52:54:00:12:01:02");
    CHECK(nic["LinkStatus"].string() == "LinkDown");
  });
}

TEST_CASE("Redfish: an ETag changes with its resource, and If-Match guards a change") {
  Room room;
  room.run([&] {
    const auto before = room.ask("GET", system_path).headers.get("ETag");
    CHECK(before.size() > 2);
    CHECK(room.ask("GET", system_path).headers.get("ETag") == before);
    CHECK(room.ask("GET", system_path, "", {{"If-None-Match", before}}).status == 304);
    const std::string pxe = R"({"Boot":{"BootSourceOverrideTarget":"Pxe","BootSourceOverrideEnabled":"Once"}})";
    const auto changed = room.ask("PATCH", system_path, pxe, {{"If-Match", before}});
    REQUIRE(changed.status == 200);
    CHECK(body_of(changed)["Boot"]["BootSourceOverrideTarget"].string() == "Pxe");
    const auto after = changed.headers.get("ETag");
    CHECK(after != before);
    CHECK(room.ask("GET", system_path).headers.get("ETag") == after);
    CHECK(room.ask("GET", system_path, "", {{"If-None-Match", before}}).status == 200);

    const std::string cd = R"({"Boot":{"BootSourceOverrideTarget":"Cd"}})";
    for (const auto& stale : {before, "W/" + after, std::string("\"x\"")}) {
      CAPTURE(stale);
      const auto refused = room.ask("PATCH", system_path, cd, {{"If-Match", stale}});
      CHECK(refused.status == 412);
      CHECK(complaint_of(refused) == "PreconditionFailed");
    }
    CHECK(room.server.boot_override().target == sim::BootTarget::pxe);
    CHECK(room.ask("PATCH", system_path, cd, {{"If-Match", "\"x\", " + after}}).status == 200);
    CHECK(room.ask("PATCH", system_path, pxe, {{"If-Match", "*"}}).status == 200);
    CHECK(room.ask("PATCH", system_path, cd).status == 200);
    // The BMC's clock is no reason for another tag.
    const auto manager = room.ask("GET", "/redfish/v1/Managers/1");
    room.wait(base::seconds(3));
    const auto later = room.ask("GET", "/redfish/v1/Managers/1");
    CHECK(later.headers.get("ETag") == manager.headers.get("ETag"));
    CHECK(body_of(later)["DateTime"].string() != body_of(manager)["DateTime"].string());
  });
}

TEST_CASE("Redfish: what cannot be done is refused with its reason and changes nothing") {
  struct Row {
    const char* method;
    const char* target;
    const char* body;
    int status;
    const char* id;
  };
  static const char* insert = "/redfish/v1/Managers/1/VirtualMedia/CD/Actions/VirtualMedia.InsertMedia";
  static const char* eject = "/redfish/v1/Managers/1/VirtualMedia/CD/Actions/VirtualMedia.EjectMedia";
  const std::vector<Row> rows{
      {"POST", reset_path, "", 400, "ActionParameterMissing"},
      {"POST", reset_path, R"({"ResetType":"Explode"})", 400, "ActionParameterValueNotInList"},
      {"POST", reset_path, R"({"ResetType":1})", 400, "ActionParameterValueTypeError"},
      {"POST", reset_path, R"({"ResetType":"On","When":"now"})", 400, "ActionParameterUnknown"},
      {"POST", reset_path, R"({"ResetType":"ForceRestart"})", 409, "ResourceInStandby"},
      {"POST", reset_path, R"({"ResetType")", 400, "MalformedJSON"},
      {"POST", reset_path, R"(["On"])", 400, "UnrecognizedRequestBody"},
      {"GET", reset_path, "", 405, "OperationNotAllowed"},
      {"POST", insert, R"({})", 400, "ActionParameterMissing"},
      {"POST", insert, R"({"Image":null})", 400, "ActionParameterValueTypeError"},
      {"POST", insert, R"({"Image":"//share/x.iso"})", 400, "ActionParameterValueFormatError"},
      {"POST", insert, R"({"Image":"http://h/x.iso","TransferMethod":"Upload"})", 400, "ActionParameterValueNotInList"},
      {"POST", insert, R"({"Image":"http://h/x.iso","WriteProtected":"yes"})", 400, "ActionParameterValueTypeError"},
      {"POST", insert, R"({"Image":"http://h/x.iso","Colour":"red"})", 400, "ActionParameterUnknown"},
      {"POST", eject, R"({"Force":true})", 400, "ActionParameterUnknown"},
      {"PATCH", system_path, R"({})", 400, "EmptyJSON"},
      {"PATCH", system_path, R"({"Boot":"Pxe"})", 400, "PropertyValueTypeError"},
      {"PATCH", system_path, R"({"Boot":{"BootSourceOverrideTarget":"Tape"}})", 400, "PropertyValueNotInList"},
      {"PATCH", system_path, R"({"Boot":{"BootSourceOverrideTarget":"Pxe","BootSourceOverrideEnabled":"Twice"}})", 400,
       "PropertyValueNotInList"},
      {"PATCH", system_path, R"({"Boot":{"BootSourceOverrideMode":true}})", 400, "PropertyValueTypeError"},
      {"PATCH", system_path, R"({"Boot":{"HttpBootUri":"tftp://h/x"}})", 400, "PropertyValueFormatError"},
      {"PATCH", system_path, R"({"Boot":{"BootOrder":[]}})", 400, "PropertyUnknown"},
      {"PATCH", system_path,
       R"({"Boot":{"BootSourceOverrideTarget":"UefiHttp","BootSourceOverrideEnabled":"Once",)"
       R"("BootSourceOverrideMode":"Legacy"}})",
       400, "PropertyValueConflict"},
      {"PATCH", system_path, R"({"PowerState":"On"})", 400, "PropertyNotWritable"},
      {"PATCH", system_path, R"({"Colour":"red"})", 400, "PropertyUnknown"},
      {"PATCH", media_path, R"({"Inserted":true})", 400, "PropertyMissing"},
      {"PATCH", media_path, R"({"Image":5})", 400, "PropertyValueTypeError"},
      {"PATCH", media_path, R"({"ConnectedVia":"URI"})", 400, "PropertyNotWritable"},
      {"DELETE", system_path, "", 405, "OperationNotAllowed"},
      {"PUT", media_path, R"({})", 405, "OperationNotAllowed"},
      {"POST", "/redfish/v1/Systems", R"({})", 405, "OperationNotAllowed"},
      {"GET", "/redfish/v1/Systems/2", "", 404, "ResourceMissingAtURI"},
      {"GET", "/", "", 404, "ResourceMissingAtURI"},
      {"GET", "/redfish/v1/Systems?$expand=.", "", 501, "QueryNotSupported"},
  };
  Room room;
  room.run([&] {
    const auto before = room.server.boot_override();
    for (const auto& row : rows) {
      CAPTURE(row.method);
      CAPTURE(row.target);
      CAPTURE(row.body);
      const auto response = room.ask(row.method, row.target, row.body);
      CHECK(response.status == row.status);
      CHECK(complaint_of(response) == row.id);
      CHECK(response.headers.has("Allow") == (row.status == 405));
    }
    CHECK(room.ask("GET", system_path, "", {{"OData-Version", "3.0"}}).status == 412);
    CHECK(room.ask("POST", reset_path, "ResetType=On", {{"Content-Type", "text/plain"}}).status == 415);
    CHECK(room.server.boot_override() == before);
    CHECK(room.server.media() == sim::VirtualMedia{});
    CHECK_FALSE(room.server.powered_on());
    CHECK(room.ask("GET", "/redfish/v1/Systems?flavour=any").status == 200);
    const auto named = body_of(room.ask("PATCH", system_path, R"({"Boot":{"BootSourceOverrideTarget":"Tape"}})"));
    const Json& message = named["error"]["@Message.ExtendedInfo"].at(0);
    CHECK(message["RelatedProperties"].at(0).string() == "#/Boot/BootSourceOverrideTarget");
    CHECK(message["MessageArgs"] == Json::strings({"Tape", "BootSourceOverrideTarget"}));
  });
}

TEST_CASE("Redfish: a drive is changed by PATCH too, and an occupied one takes no second image") {
  Room room;
  room.run([&] {
    CHECK(room.ask("HEAD", media_path).headers.get("Allow").find("PATCH") != std::string::npos);
    const auto put =
        room.ask("PATCH", media_path, R"({"Image":"http://h/a.iso","Inserted":true,"WriteProtected":true})");
    REQUIRE(put.status == 200);
    CHECK(body_of(put)["ConnectedVia"].string() == "URI");
    CHECK(body_of(put)["ImageName"].string() == "a.iso");
    const std::string insert = std::string(media_path) + "/Actions/VirtualMedia.InsertMedia";
    const auto second = room.ask("POST", insert, R"({"Image":"http://h/b.iso"})");
    CHECK(second.status == 409);
    CHECK(complaint_of(second) == "ResourceInUse");
    CHECK(room.server.media().image == "http://h/a.iso");
    CHECK(room.ask("PATCH", media_path, R"({"Image":null,"Inserted":false})").status == 200);
    CHECK(room.server.media() == sim::VirtualMedia{});
    const std::string eject = std::string(media_path) + "/Actions/VirtualMedia.EjectMedia";
    const char* whole = R"({"Image":"http://h/b.iso","Inserted":true,"WriteProtected":true,"TransferMethod":"Stream",)"
                        R"("TransferProtocolType":"HTTP","UserName":"none","Password":"none"})";
    CHECK(room.ask("POST", insert, whole).status == 204);
    CHECK(room.server.media().image == "http://h/b.iso");
    CHECK(room.ask("POST", eject, "{}").status == 204);
    CHECK(room.ask("POST", eject).status == 204);
    CHECK(room.server.media() == sim::VirtualMedia{});
  });
}

TEST_CASE("Redfish: reset types act on the power state they find, and need not change it") {
  using A = sim::ServerPowerAction;
  Room room;
  room.run([&] {
    const auto reset = [&](const std::string& type) {
      return room.ask("POST", reset_path, Json::object({{"ResetType", type}}).dump()).status;
    };
    CHECK(reset("ForceOff") == 204);
    CHECK(reset("GracefulShutdown") == 204);
    CHECK(room.server.actions_.empty());
    CHECK(reset("Nmi") == 204);
    CHECK(reset("PushPowerButton") == 204);
    CHECK(reset("On") == 204);
    CHECK(reset("ForceOn") == 204);
    CHECK(reset("GracefulRestart") == 204);
    CHECK(reset("PushPowerButton") == 204);
    CHECK(room.server.actions_ == std::vector{A::nmi, A::on, A::graceful_restart, A::graceful_shutdown});
    CHECK_FALSE(room.server.powered_on());
    CHECK(body_of(room.ask("GET", system_path))["PowerState"].string() == "Off");
  });
}

TEST_CASE("Redfish: of requests whose answer is lost, some were done and some were not") {
  Room room;
  room.run([&] {
    REQUIRE(room.server.power(sim::ServerPowerAction::on).ok());
    room.server.actions_.clear();
    room.front.faults().http_reset = 1;
    net::ClientOptions options;
    options.server = {sim::bmc_host, 443};
    options.tls_options.verify = false;
    constexpr size_t tries = 40;
    for (size_t i = 0; i < tries; ++i) {
      net::HttpClient client(room.manager.loop, room.manager.net, options);
      const net::Headers headers{{"Authorization", room.basic("admin", "rack-secret-01")}};
      CHECK_FALSE(client.send({"POST", reset_path, headers, R"({"ResetType":"Nmi"})"}).ok());
    }
    CHECK(room.server.actions_.size() > tries / 5);
    CHECK(room.server.actions_.size() < tries * 4 / 5);
  });
}
