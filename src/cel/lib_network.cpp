// URLs, IP addresses and networks (the Kubernetes libraries).
#include "base/text.h"
#include "cel/address.h"
#include "cel/functions.h"
#include "cel/web_address.h"

namespace cel {
namespace {

using Kind = Value::Kind;

struct Ip : HostObject {
  explicit Ip(Address given) : address(given) {}
  std::string_view type_name() const override { return "net.IP"; }
  std::optional<Value> get(std::string_view field) const override {
    if (field != "@size") return std::nullopt;
    return Value::integer(address.bits() / 8);
  }
  bool equals(const HostObject& other) const override { return address == static_cast<const Ip&>(other).address; }
  Address address;
};

struct Cidr : HostObject {
  explicit Cidr(Network given) : network(given) {}
  std::string_view type_name() const override { return "net.CIDR"; }
  std::optional<Value> get(std::string_view field) const override {
    if (field != "@size") return std::nullopt;
    return Value::integer((network.prefix + 7) / 8);
  }
  bool equals(const HostObject& other) const override {
    const auto& right = static_cast<const Cidr&>(other).network;
    return network.address == right.address && network.prefix == right.prefix;
  }
  Network network;
};

struct Url : HostObject {
  explicit Url(WebAddress given) : url(std::move(given)) {}
  std::string_view type_name() const override { return "kubernetes.URL"; }
  bool equals(const HostObject& other) const override { return url == static_cast<const Url&>(other).url; }
  WebAddress url;
};

const Address& address_of(const Value& value) { return static_cast<const Ip&>(value.object()).address; }
const Network& network_of(const Value& value) { return static_cast<const Cidr&>(value.object()).network; }
const WebAddress& url_of(const Value& value) { return static_cast<const Url&>(value.object()).url; }
Value made(Address address) { return Value::object(std::make_shared<Ip>(address)); }
Value made(Network network) { return Value::object(std::make_shared<Cidr>(network)); }

Value to_ip(Arguments args) {
  std::string why;
  const auto address = parse_address(args[0].text(), why);
  return address ? made(*address) : Value::error(why);
}

Value is_ip(Arguments args) {
  std::string why;
  return Value::boolean(parse_address(args[0].text(), why).has_value());
}

Value is_canonical(Arguments args) {
  std::string why;
  const auto address = parse_address(args[0].text(), why);
  return address ? Value::boolean(address->text() == args[0].text()) : Value::error(why);
}

Value family(Arguments args) { return Value::integer(address_of(args[0]).v6 ? 6 : 4); }

template <bool (Address::*Test)() const>
Value tested(Arguments args) {
  return Value::boolean((address_of(args[0]).*Test)());
}

Value to_cidr(Arguments args) {
  std::string why;
  const auto network = parse_network(args[0].text(), why);
  return network ? made(*network) : Value::error(why);
}

Value is_cidr(Arguments args) {
  std::string why;
  return Value::boolean(parse_network(args[0].text(), why).has_value());
}

bool contains(const Network& network, const Address& address) {
  return network.address.v6 == address.v6 && address.masked(network.prefix) == network.address.masked(network.prefix);
}

Value contains_ip(Arguments args) {
  if (args[1].is(Kind::object)) return Value::boolean(contains(network_of(args[0]), address_of(args[1])));
  std::string why;
  const auto address = parse_address(args[1].text(), why);
  return address ? Value::boolean(contains(network_of(args[0]), *address)) : Value::error(why);
}

Value contains_cidr(Arguments args) {
  std::string why;
  const auto other = args[1].is(Kind::object) ? std::optional(network_of(args[1])) : parse_network(args[1].text(), why);
  if (!other) return Value::error(why);
  const auto& network = network_of(args[0]);
  return Value::boolean(network.prefix <= other->prefix && contains(network, other->address));
}

Value cidr_ip(Arguments args) { return made(network_of(args[0]).address); }
Value prefix_length(Arguments args) { return Value::integer(network_of(args[0]).prefix); }
Value masked(Arguments args) {
  const auto& network = network_of(args[0]);
  return made(Network{network.address.masked(network.prefix), network.prefix});
}
Value ip_text(Arguments args) { return Value::string(address_of(args[0]).text()); }
Value cidr_text(Arguments args) { return Value::string(network_of(args[0]).text()); }

Value to_url(Arguments args) {
  std::string why;
  auto url = parse_web_address(args[0].text(), why);
  if (!url) return Value::error("URL parse error during conversion from string: " + why);
  return Value::object(std::make_shared<Url>(std::move(*url)));
}

Value is_url(Arguments args) {
  std::string why;
  return Value::boolean(parse_web_address(args[0].text(), why).has_value());
}

template <std::string WebAddress::*Part>
Value part(Arguments args) {
  return Value::string(url_of(args[0]).*Part);
}

Value query(Arguments args) {
  Value::Entries out;
  for (const auto& [name, values] : url_of(args[0]).query) {
    Value::Items items;
    for (const auto& one : values) items.push_back(Value::string(one));
    out.emplace_back(Value::string(name), Value::list(std::move(items)));
  }
  return Value::map(std::move(out));
}

}  // namespace

void add_network(Functions& to) {
  const auto unit = CostRule::unit, traverse = CostRule::traverse;
  to.add("ip", "f string: net.IP", traverse, to_ip);
  to.add("isIP", "f string: bool", traverse, is_ip);
  to.add("ip.isCanonical", "f string: bool", CostRule::traverse_twice, is_canonical);
  to.add("family", "m net.IP: int", unit, family);
  to.add("isUnspecified", "m net.IP: bool", unit, tested<&Address::is_unspecified>);
  to.add("isLoopback", "m net.IP: bool", unit, tested<&Address::is_loopback>);
  to.add("isLinkLocalMulticast", "m net.IP: bool", unit, tested<&Address::is_link_local_multicast>);
  to.add("isLinkLocalUnicast", "m net.IP: bool", unit, tested<&Address::is_link_local_unicast>);
  to.add("isGlobalUnicast", "m net.IP: bool", unit, tested<&Address::is_global_unicast>);
  to.add("string", "f net.IP: string", unit, ip_text);
  to.add("cidr", "f string: net.CIDR", traverse, to_cidr);
  to.add("isCIDR", "f string: bool", traverse, is_cidr);
  to.add("containsIP", "m net.CIDR, string: bool", CostRule::contains_ip_text, contains_ip);
  to.add("containsIP", "m net.CIDR, net.IP: bool", CostRule::contains_ip, contains_ip);
  to.add("containsCIDR", "m net.CIDR, string: bool", CostRule::contains_cidr_text, contains_cidr);
  to.add("containsCIDR", "m net.CIDR, net.CIDR: bool", CostRule::contains_cidr, contains_cidr);
  to.add("ip", "m net.CIDR: net.IP", unit, cidr_ip);
  to.add("prefixLength", "m net.CIDR: int", unit, prefix_length);
  to.add("masked", "m net.CIDR: net.CIDR", unit, masked);
  to.add("string", "f net.CIDR: string", unit, cidr_text);
  to.add("url", "f string: kubernetes.URL", traverse, to_url);
  to.add("isURL", "f string: bool", unit, is_url);
  to.add("getScheme", "m kubernetes.URL: string", unit, part<&WebAddress::scheme>);
  to.add("getHost", "m kubernetes.URL: string", unit, part<&WebAddress::host>);
  to.add("getHostname", "m kubernetes.URL: string", unit, part<&WebAddress::hostname>);
  to.add("getPort", "m kubernetes.URL: string", unit, part<&WebAddress::port>);
  to.add("getEscapedPath", "m kubernetes.URL: string", unit, part<&WebAddress::escaped_path>);
  to.add("getQuery", "m kubernetes.URL: map<string, list<string>>", unit, query);
}

}  // namespace cel
