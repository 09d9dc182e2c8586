#include "sim/qemu/machine.h"

#include "base/log.h"
#include "net/http.h"

namespace sim {

using base::Result;

namespace {

constexpr size_t variables_bytes_max = 8u << 20;
constexpr size_t medium_bytes_max = size_t{2} << 30;

std::vector<QemuSource> boot_order(const BootOverride& wanted) {
  std::vector<QemuSource> order;
  if (wanted.enabled != BootEnabled::disabled) {
    if (wanted.target == BootTarget::cd || wanted.target == BootTarget::usb) order.push_back(QemuSource::cd);
    if (wanted.target == BootTarget::pxe || wanted.target == BootTarget::uefi_http)
      order.push_back(QemuSource::network);
  }
  order.push_back(QemuSource::disk);
  return order;
}

// A BMC streams virtual media; here it is copied once, which the server cannot tell.
Result<void> download(sys::Sys& sys, const std::string& url, const std::string& path) {
  const net::Url where = TRY(net::Url::parse(url));
  net::ClientOptions options;
  options.server = where.address();
  options.tls = where.scheme == "https";
  options.tls_options.verify = false;  // BMCs do not verify unless a certificate was enrolled
  options.keep_alive = false;
  options.user_agent = "bmc-virtual-media";
  net::HttpClient client(sys.loop, sys.net, std::move(options));
  TRY(sys.disk.remove(path));
  const auto file = TRY(sys.disk.open(path, true));
  net::Request request;
  request.target = where.target();
  uint64_t written = 0;
  Result<void> stored;
  const auto answer = client.stream(request, base::minutes(2), [&](const net::Response& head, std::string_view piece) {
    if (head.status != 200) return true;
    stored = file->write_at(written, piece);
    written += piece.size();
    if (stored && written > medium_bytes_max) stored = base::invalid("virtual media is larger than 2 GiB");
    return stored.ok();
  });
  TRY(stored);
  if (!answer) return answer.error();
  if (answer->status != 200) {
    return base::unavailable("fetching virtual media answered " + std::to_string(answer->status));
  }
  return {};
}

}  // namespace

void fit_to_qemu(ServerSpec& spec, const QemuOptions& options) {
  for (auto& disk : spec.disks) disk.bytes = options.disk_bytes;
  spec.identity.memory_gib = options.memory_mib / 1024;
  spec.identity.processors = 1;
  spec.identity.cores_per_processor = options.processors;
  spec.identity.model = "QEMU Server";
}

QemuBody::QemuBody(Server& server, sys::Programs& programs, QemuOptions options)
    : server_(server), programs_(programs), options_(std::move(options)), loop_(server.site().sys.loop) {}

QemuBody::~QemuBody() {
  if (program_) program_->kill();
  server_.serial()->on_keys = nullptr;
  server_.serial()->on_break = nullptr;
  if (console_) console_->close();
  loop_.shut();
}

void QemuBody::start() {
  sys::spawn(loop_, server_.spec().name, [this] { run(); });
}

Result<void> QemuBody::load_media(QemuMachine& machine) {
  const VirtualMedia media = server_.media();
  if (!media.inserted) return {};
  state_ = "loading virtual media";
  machine.cd_path = machine.variables_path.substr(0, machine.variables_path.rfind('/')) + "/media.iso";
  const auto loaded = download(*server_.site().real, media.image, machine.cd_path);
  if (loaded || loaded.error().code == base::Code::cancelled) return loaded;
  // As on hardware: the drive cannot read it and is empty to the server, which starts all the same.
  server_.log("virtual media cannot be read", loaded.error().text());
  machine.cd_path.clear();
  return {};
}

namespace {

// SeaBIOS boots from one disk only, and if that has nothing to boot it stops. People would set it in the BIOS.
size_t disk_with_boot_code(sys::Disk& disk, const std::vector<std::string>& paths) {
  for (size_t i = 0; i < paths.size(); ++i) {
    const auto file = disk.open(paths[i], false);
    const auto sector = file ? (*file)->read_at(0, 512) : base::Result<std::string>(file.error());
    if (sector && sector->size() == 512 && sector->substr(510) == "\x55\xaa" && (*sector)[0] != '\0') return i;
  }
  return 0;
}

}  // namespace

Result<void> QemuBody::prepare(QemuMachine& machine) {
  Site& site = server_.site();
  const ServerSpec& spec = server_.spec();
  const std::string folder = site.disk_directory + "/" + spec.name;
  TRY(site.sys.disk.make_directories(folder));
  machine.name = spec.name;
  machine.index = spec.index;
  machine.identity = spec.identity;
  machine.disks = spec.disks;
  for (const auto& disk : spec.disks) {
    TRY(server_.open_disk(disk.name));  // makes it, with its size
    machine.disk_paths.push_back(server_.disk_path(disk.name));
  }
  machine.console_path = folder + "/console.log";
  machine.console_port = TRY(listen_to_console());
  machine.variables_path = folder + "/uefi-variables.fd";
  if (!site.sys.disk.exists(machine.variables_path)) {
    const std::string fresh = TRY(site.sys.disk.read(options_.firmware_variables, variables_bytes_max));
    TRY(site.sys.disk.write(machine.variables_path, fresh, 0600));
  }
  const BootOverride wanted = server_.take_boot_override();
  machine.uefi = wanted.uefi;
  if (!machine.uefi) machine.first_disk = disk_with_boot_code(site.sys.disk, machine.disk_paths);
  machine.order = boot_order(wanted);
  machine.http_boot = wanted.enabled != BootEnabled::disabled && wanted.target == BootTarget::uefi_http;
  return load_media(machine);
}

// The serial port is a TCP connection of QEMU's to us: the BMC's Serial over LAN has to write to it, too.
Result<uint16_t> QemuBody::listen_to_console() {
  console_ = TRY(server_.site().real->net.listen({"127.0.0.1", 0}));
  sys::spawn(loop_, server_.spec().name + " console", [this, listener = console_] { serve_console(*listener); });
  return console_->local().port;
}

void QemuBody::serve_console(sys::Listener& listener) {
  auto accepted = listener.accept();
  if (!accepted) return;
  listener.close();
  struct Keys {
    explicit Keys(sys::Loop& loop) : typed(loop) {}
    std::string waiting;
    sys::Signal typed;
  };
  const auto keys = std::make_shared<Keys>(loop_);
  const std::shared_ptr<sys::Stream> stream = std::move(*accepted);
  auto& serial = *server_.serial();
  serial.on_keys = [keys](std::string_view text) {
    keys->waiting += text;
    keys->typed.set();
  };
  serial.on_break = [this] {
    sys::spawn(loop_, "break", [this] {
      if (qmp_) (void)qmp_->send("chardev-send-break", base::Json::object({{"id", "console"}}));
    });
  };
  sys::spawn(loop_, server_.spec().name + " keys", [keys, stream] {
    while (keys->typed.wait()) {
      keys->typed.clear();
      if (!stream->write(std::exchange(keys->waiting, {}), base::minutes(1))) return;
    }
  });
  while (true) {
    const auto text = stream->read(4096, sys::no_limit);
    if (!text || text->empty()) return;
    serial.print(*text);
  }
}

Result<int> QemuBody::live(const QemuMachine& machine) {
  program_ = TRY(programs_.start({qemu_command(options_, machine), machine.console_path + ".qemu"}));
  qmp_ = std::make_unique<Qmp>(loop_, program_->channel(),
                               [this](const std::string& name, const base::Json& data) { event(name, data); });
  running_ = true;
  state_ = "running, process " + std::to_string(program_->id());
  TRY(qmp_->run());
  return program_->wait(base::minutes(1));
}

void QemuBody::event(const std::string& name, const base::Json& data) {
  if (name == "SHUTDOWN") wants_reset_ = data["reason"].string() == "guest-reset";
  if (name == "GUEST_PANICKED") state_ = "the operating system panicked";
}

void QemuBody::run() {
  QemuMachine machine;
  if (const auto ready = prepare(machine); !ready) {
    if (ready.error().code == base::Code::cancelled) return;
    state_ = "cannot start: " + ready.error().text();
    server_.log("cannot start", ready.error().text());
    ++server_.counters().failed_boots;
    return;
  }
  const auto ended = live(machine);
  running_ = false;
  if (!ended && ended.error().code == base::Code::cancelled) return;
  if (!ended || *ended != 0) {
    state_ = "QEMU ended: " + (ended ? "exit status " + std::to_string(*ended) : ended.error().text());
    server_.log("QEMU ended", state_ + "; see " + machine.console_path + ".qemu");
    ++server_.counters().failed_boots;
  }
  if (wants_reset_) {
    server_.reset_soon(base::Duration::zero());
  } else {
    server_.power_off_soon(base::Duration::zero());
  }
}

bool QemuBody::press_power_button() {
  if (!qmp_) return false;
  sys::spawn(loop_, "power button", [this] { (void)qmp_->send("system_powerdown"); });
  return true;
}

void QemuBody::hang() {
  if (!qmp_) return;
  state_ = "hangs";
  sys::spawn(loop_, "hang", [this] { (void)qmp_->send("stop"); });
}

}  // namespace sim
