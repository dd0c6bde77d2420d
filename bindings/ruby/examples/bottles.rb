# frozen_string_literal: true

# Packages for several platforms under one name, as Homebrew keeps its bottles at GitHub Packages: an index, to which platforms are added
# one by one, and downloads by the digest in a formula, from a mirror first.
#
#   ruby bottles.rb push ghcr.io/me/jq:1.7 darwin/arm64:15=jq.arm64.tar.gz linux/amd64=jq.x86_64.tar.gz
#   ruby bottles.rb fetch SHA256 jq.tar.gz mirror.example.com/me/jq ghcr.io/me/jq
require "ocireg"

class Bottles
  def initialize(**options)
    @client = Ocireg::Client.new(user_agent: "bottles/1", **options)
  end

  # Adds bottles, {platform => tar.gz}, to those that the name has already; returns the digest of the index.
  def push(name, files)
    entries = entries_of(name).reject { |entry| files.key?(platform_of(entry)) }
    entries += files.map { |platform, file| put(name, platform, file) }
    @client.put_manifest(name, { "schemaVersion" => 2, "mediaType" => Ocireg::MediaType::OCI_INDEX, "manifests" => entries })["digest"]
  end

  # Gets a bottle by its digest into a file, which may be there already, from the first of these repositories that has it.
  def fetch(sha256, path, *repositories, &progress)
    repositories.each do |repository|
      return @client.blob_to_file("#{repository}@sha256:#{sha256}", path, if_exists: "skip", &progress)
    rescue Ocireg::RegistryError, Ocireg::TransportError => e
      raise if repository == repositories.last

      warn "#{repository}: #{e.name}; trying the next one"
    end
  end

  private

  def entries_of(name)
    @client.manifest(name).manifests
  rescue Ocireg::NotFound
    []
  end

  # Makes an image of the file under a tag of its own, 1.7.linux-amd64; the bytes of a tar.gz stay as they are. Returns what stands for
  # it in the index.
  def put(name, platform, file)
    tag = "#{name}.#{platform.tr("/: ", "-")}"
    made = @client.append_image("bottle", file, scratch: true, platform: platform, to: tag)
    @client.manifest_head(tag).slice("mediaType", "digest", "size")
           .merge("platform" => @client.image_config(tag)["config"].slice("os", "architecture", "variant", "os.version"),
                  "annotations" => { "sh.brew.bottle.digest" => made["layers"].first["digest"].delete_prefix("sha256:") })
  end

  # "linux/amd64" of an entry of the index.
  def platform_of(entry)
    platform = entry["platform"]
    name = platform.values_at("os", "architecture", "variant").compact.join("/")
    [name, platform["os.version"]].compact.join(":")
  end
end

if $PROGRAM_NAME == __FILE__
  bottles = Bottles.new(stored_credentials: true)
  case ARGV.shift
  when "push" then puts bottles.push(ARGV.shift, ARGV.to_h { |argument| argument.split("=", 2) })
  when "fetch" then bottles.fetch(*ARGV) { |done, total| warn "#{done} of #{total || "?"} bytes" }
  else abort "usage: bottles.rb push NAME PLATFORM=FILE… | fetch SHA256 FILE REPOSITORY…"
  end
end
