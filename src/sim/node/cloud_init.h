// What cloud-init does with a config drive: user data with a Jinja header is rendered from the instance's metadata, and
// a cloud-config gives files to write and commands to run. Only what bootstrap data of Cluster API uses is understood;
// other modules are named in `ignored`.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "sys/sys.h"

namespace sim {

struct ConfigDriveContent {
  base::Json meta_data;
  std::string user_data, network_data;
  std::string fingerprint;  // of the whole drive: a new instance has another one
};

// From the last 64 MiB of an installed disk. Errors: not_found (no config drive), corrupt.
base::Result<ConfigDriveContent> read_config_drive(sys::File& disk);

struct CloudConfig {
  struct File {
    std::string path, content, permissions, owner;
    bool append = false;
  };
  std::vector<File> files;
  std::vector<std::string> boot_commands;  // bootcmd
  std::vector<std::string> commands;       // runcmd; lists of words are joined
  std::vector<std::string> ignored;
};

// Renders "{{ ds.meta_data.X }}" and "{{ v1.X }}" when the text starts with "## template: jinja". Errors: invalid
// (names the variable that is not there, as cloud-init's log would).
base::Result<std::string> render_user_data(const std::string& user_data, const base::Json& meta_data);
// Errors: invalid (no cloud-config, bad YAML, undecodable file content).
base::Result<CloudConfig> parse_cloud_config(const std::string& rendered);

// Files of a node: path -> content.
using FileTree = std::map<std::string, std::string>;
base::Result<void> write_files(const CloudConfig& config, FileTree& tree);

}  // namespace sim
