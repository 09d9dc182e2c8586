#include "agent/boot_config.h"

#include <fnmatch.h>

#include <algorithm>
#include <set>

#include "agent/grub_script.h"
#include "base/text.h"

namespace agent {

using base::Code;
using base::Error;
using base::Layer;
using base::Result;

namespace {

constexpr size_t arguments_max = 2047;  // COMMAND_LINE_SIZE of x86 with its end

Error refuse(std::string why) { return Error{Code::unsupported, std::move(why), Layer::agent}; }

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// Whether version `a` is older: runs of digits count as numbers.
bool is_older(std::string_view a, std::string_view b) {
  const auto number = [](std::string_view& text) {
    size_t end = 0;
    while (end < text.size() && is_digit(text[end])) ++end;
    std::string_view digits = text.substr(0, end);
    text.remove_prefix(end);
    digits.remove_prefix(std::min(digits.find_first_not_of('0'), digits.size()));
    return digits;
  };
  while (!a.empty() && !b.empty()) {
    if (is_digit(a[0]) && is_digit(b[0])) {
      const std::string_view one = number(a), other = number(b);
      if (one.size() != other.size()) return one.size() < other.size();
      if (one != other) return one < other;
      continue;
    }
    if (a[0] != b[0]) return a[0] < b[0];
    a.remove_prefix(1);
    b.remove_prefix(1);
  }
  return a.size() < b.size();
}

// With the values of variables in place. Some are for what GRUB itself does to the screen, or are rarely there.
Result<std::string> resolved(const GrubWord& word, const BootVariables& variables) {
  static const std::set<std::string> may_be_empty = {"vt_handoff", "tuned_params", "tuned_initrd"};
  std::string out;
  for (const auto& part : word) {
    if (!part.is_variable) {
      out += part.text;
    } else if (const auto found = variables.find(part.text); found != variables.end()) {
      out += found->second;
    } else if (may_be_empty.count(part.text) == 0) {
      return refuse("the boot configuration uses $" + part.text + ", which only GRUB knows");
    }
  }
  return out;
}

Result<std::string> path_of(std::string text) {
  const auto parts = base::split(text, '/');
  const bool climbs = std::find(parts.begin(), parts.end(), "..") != parts.end();
  if (!text.starts_with("/") || climbs) return refuse("the boot configuration names the file " + base::quoted(text));
  return text;
}

Result<BootChoice> checked(BootChoice choice) {
  const auto printable = [](char c) { return c >= ' ' && c <= '~'; };
  if (!std::all_of(choice.arguments.begin(), choice.arguments.end(), printable)) {
    return refuse("the kernel's arguments have characters that cannot be passed on");
  }
  if (choice.arguments.size() > arguments_max) return refuse("the kernel's arguments are too long");
  return choice;
}

// "($root)/file" is the same as "/file".
GrubWord without_root(GrubWord word) {
  const bool has_root = word.size() > 2 && word[0].text == "(" && word[1].is_variable && word[1].text == "root" &&
                        word[2].text.starts_with(")");
  if (has_root) {
    word.erase(word.begin(), word.begin() + 2);
    word[0].text.erase(0, 1);
  }
  return word;
}

struct Fields {
  std::vector<std::string> linux_files, initrds, options;
  std::string title, version, sort_key, machine_id;
  bool other_kind = false;  // an EFI program
};

Fields read_fields(std::string_view text) {
  Fields out;
  for (const auto line : base::split(text, '\n')) {
    const std::string_view trimmed = base::trim(line);
    if (trimmed.empty() || trimmed[0] == '#') continue;
    const size_t end = trimmed.find_first_of(" \t");
    const std::string_view key = trimmed.substr(0, end);
    const std::string value(end == std::string_view::npos ? std::string_view() : base::trim(trimmed.substr(end)));
    if (key == "linux") out.linux_files.push_back(value);
    if (key == "initrd") out.initrds.push_back(value);
    if (key == "options") out.options.push_back(value);
    if (key == "title") out.title = value;
    if (key == "version") out.version = value;
    if (key == "sort-key") out.sort_key = value;
    if (key == "machine-id") out.machine_id = value;
    if (key == "efi" || key == "uki") out.other_kind = true;
  }
  return out;
}

// Of the specification's chapter on sorting.
bool goes_before(const BlsEntry& a, const BlsEntry& b) {
  const Fields one = read_fields(a.text), other = read_fields(b.text);
  if (one.sort_key.empty() != other.sort_key.empty()) return !one.sort_key.empty();
  if (!one.sort_key.empty()) {
    if (one.sort_key != other.sort_key) return one.sort_key < other.sort_key;
    if (one.machine_id != other.machine_id) return one.machine_id < other.machine_id;
    if (one.version != other.version) return is_older(other.version, one.version);
  }
  return is_older(b.id, a.id);
}

std::string loader_default(std::string_view loader) {
  for (const auto line : base::split(loader, '\n')) {
    const std::string_view trimmed = base::trim(line);
    if (trimmed.starts_with("default ") || trimmed.starts_with("default\t")) {
      return std::string(base::trim(trimmed.substr(8)));
    }
  }
  return "";
}

Result<const BlsEntry*> default_of(const std::vector<BlsEntry>& entries, const BootVariables& variables,
                                   std::string_view loader) {
  if (const auto once = variables.find("next_entry"); once != variables.end() && !once->second.empty()) {
    return refuse("another entry is set for the next start only");
  }
  const auto saved = variables.find("saved_entry");
  std::string wanted = saved == variables.end() ? "" : saved->second;
  if (wanted.empty()) wanted = loader_default(loader);
  std::vector<const BlsEntry*> found;
  for (const auto& entry : entries) {
    const bool fits = fnmatch(wanted.c_str(), entry.id.c_str(), 0) == 0 ||
                      fnmatch(wanted.c_str(), (entry.id + ".conf").c_str(), 0) == 0;
    if (wanted.empty() || fits) found.push_back(&entry);
  }
  if (found.empty()) return refuse("there is no boot entry " + base::quoted(wanted));
  return *std::min_element(found.begin(), found.end(), [](auto* a, auto* b) { return goes_before(*a, *b); });
}

std::string quoted_if_needed(const std::string& word) {
  return word.find(' ') == std::string::npos ? word : '"' + word + '"';
}

// The value of `default` once the configuration has run, as far as that is the same on every way through it.
Result<std::string> grub_default(const GrubScript& script, const BootVariables& variables) {
  const auto value_of = [&](const char* name) {
    const auto found = variables.find(name);
    return found == variables.end() ? std::string() : found->second;
  };
  std::set<std::string> constants;
  bool saved = false;
  for (const auto& value : script.defaults) {
    if (value.size() == 1 && value[0].is_variable && value[0].text == "saved_entry") {
      saved = true;
    } else if (value.size() == 1 && value[0].is_variable && value[0].text == "next_entry") {
      if (!value_of("next_entry").empty()) return refuse("another entry is set for the next start only");
    } else {
      constants.insert(TRY(resolved(value, variables)));
    }
  }
  if (saved && !value_of("saved_entry").empty()) return value_of("saved_entry");
  if (constants.size() > 1) return refuse("the boot configuration has more than one default entry");
  return constants.empty() || constants.begin()->empty() ? std::string("0") : *constants.begin();
}

Result<const GrubEntry*> grub_entry(const GrubScript& script, const std::string& wanted) {
  if (script.entries.empty()) return &script.outside;
  if (const auto number = base::parse_uint(wanted)) {
    if (*number >= script.entries.size()) return refuse("there is no boot entry number " + wanted);
    for (size_t i = 0; i < *number; ++i) {
      if (script.entries[i].conditional) return refuse("which boot entry has number " + wanted + " depends on others");
    }
    return &script.entries[static_cast<size_t>(*number)];
  }
  for (const auto& entry : script.entries) {
    if (entry.title == wanted || entry.id == wanted) return &entry;
  }
  return refuse("there is no boot entry " + base::quoted(wanted) + " outside of submenus");
}

}  // namespace

BootVariables parse_grubenv(std::string_view text) {
  BootVariables out;
  for (const auto line : base::split(text, '\n')) {
    const size_t equals = line.find('=');
    if (line.starts_with("#") || equals == std::string_view::npos) continue;
    out[std::string(line.substr(0, equals))] = line.substr(equals + 1);
  }
  return out;
}

Result<BootChoice> choose_bls_entry(const std::vector<BlsEntry>& entries, const BootVariables& variables,
                                    std::string_view loader) {
  if (entries.empty()) return refuse("there is no boot entry");
  const BlsEntry* const entry = TRY(default_of(entries, variables, loader));
  const Fields fields = read_fields(entry->text);
  if (fields.other_kind || fields.linux_files.size() != 1) {
    return refuse("boot entry " + base::quoted(entry->id) + " is of another kind than kernel and initramfs");
  }
  BootChoice out;
  out.title = fields.title.empty() ? entry->id : fields.title;
  out.kernel = TRY(path_of(fields.linux_files[0]));
  std::vector<std::string> initrds;
  for (const auto& line : fields.initrds) {
    const std::string value = TRY(resolved(grub_word(line), variables));
    for (const auto word : base::split(value, ' ')) {
      if (!word.empty()) initrds.emplace_back(word);
    }
  }
  if (initrds.size() > 1) return refuse("boot entry " + base::quoted(entry->id) + " has more than one initramfs");
  if (!initrds.empty()) out.initrd = TRY(path_of(initrds[0]));
  for (const auto& line : fields.options) {
    const std::string value = TRY(resolved(grub_word(line), variables));
    if (!out.arguments.empty()) out.arguments += ' ';
    out.arguments += base::trim(value);
  }
  return checked(std::move(out));
}

Result<BootChoice> choose_grub_entry(std::string_view config, const BootVariables& variables) {
  const GrubScript script = TRY(parse_grub_script(config));
  const std::string wanted = TRY(grub_default(script, variables));
  const GrubEntry* const entry = TRY(grub_entry(script, wanted));
  const std::string name = entry->title.empty() ? "the boot configuration" : "boot entry " + base::quoted(entry->title);
  if (entry->is_submenu) return refuse(name + " is a submenu");
  if (entry->kernels.empty()) return refuse(name + " starts no Linux kernel");
  if (entry->kernels.size() > 1 || entry->initrds.size() > 1 || entry->conditional) {
    return refuse(name + " has more than one way to start a kernel");
  }
  BootChoice out;
  out.title = entry->title;
  std::vector<std::string> words;
  for (const auto& word : entry->kernels[0]) {
    std::string value = TRY(resolved(words.empty() ? without_root(word) : word, variables));
    if (!value.empty()) words.push_back(std::move(value));
  }
  if (words.empty()) return refuse(name + " names no kernel");
  out.kernel = TRY(path_of(words[0]));
  // As GRUB does: programs look there for what was started.
  out.arguments = "BOOT_IMAGE=" + words[0];
  for (size_t i = 1; i < words.size(); ++i) out.arguments += " " + quoted_if_needed(words[i]);
  std::vector<std::string> files;
  if (!entry->initrds.empty()) {
    for (const auto& word : entry->initrds[0]) {
      std::string value = TRY(resolved(without_root(word), variables));
      if (!value.empty()) files.push_back(std::move(value));
    }
  }
  if (files.size() > 1) return refuse(name + " has more than one initramfs");
  if (!files.empty()) out.initrd = TRY(path_of(files[0]));
  return checked(std::move(out));
}

bool grub_leads_elsewhere(std::string_view config) {
  const auto script = parse_grub_script(config);
  return script.ok() && script->leads_elsewhere && script->entries.empty() && script->outside.kernels.empty();
}

bool grub_reads_bls(std::string_view config) {
  const auto script = parse_grub_script(config);
  return script.ok() && script->reads_bls;
}

}  // namespace agent
