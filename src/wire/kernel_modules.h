// What depmod(8) writes beside kernel modules.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace wire {

// The module's name as the kernel has it: "virtio_net" of "kernel/drivers/net/virtio-net.ko".
std::string module_name(std::string_view path);
// modules.dep: what each module needs, by paths as they stand there; the last one is to be loaded first.
std::map<std::string, std::vector<std::string>> parse_module_dependencies(std::string_view text);

}  // namespace wire
