// The manager's side of the boot network: the agent API (/v1/lookup, /v1/heartbeat) over HTTPS and boot artefacts
// (/boot/...) over HTTP and HTTPS. Answers only what ExpectedBoots expects; the rest is 404 or 401 and counted.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "metal/boot/artefact.h"
#include "metal/boot/boot_media.h"
#include "metal/boot/expected_boots.h"
#include "net/http.h"

namespace metal {

struct EndpointOptions {
  sys::Address provisioning_listen{"127.0.0.1", 6385};  // HTTPS
  sys::Address boot_listen{"127.0.0.1", 6180};          // HTTP: firmware speaks nothing else
  std::string provisioning_url, boot_url;               // what hosts are told; empty: from the listen addresses
  std::string ca_certificate_pem, ca_key_pem;           // issues the endpoint's certificate
  std::string ramdisk_dir;       // holds vmlinuz, initrd, esp.img; empty: marker files are served
  std::string kernel_arguments;  // of the ramdisk, besides ours
  std::string loader_dir;        // holds iPXE's builds for firmware that loads by HTTP or TFTP; empty: none
  base::Duration heartbeat_timeout = base::seconds(300);
  bool allow_loopback_agents = false;  // callback URLs on 127.0.0.0/8 and ::1, for tests on one machine
};

class Endpoint {
 public:
  Endpoint(sys::Sys& sys, ExpectedBoots& boots, EndpointOptions options);
  ~Endpoint();
  // Listens. Errors: invalid (no CA), unavailable (address in use).
  base::Result<void> start();
  void stop();
  // Where cached images come from, by key. A host gets the one of its ExpectedBoot::image_key and no other.
  void serve_images(std::function<base::Result<Artefact>(const std::string& key)> images);
  const BootPlace& place() const;
  sys::Address provisioning_local() const;  // with the ports that were chosen
  sys::Address boot_local() const;
  // The handlers, for callers with servers of their own.
  net::Response answer_api(const net::Request& request);
  net::Response answer_boot(const net::Request& request);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace metal
