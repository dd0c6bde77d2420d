# frozen_string_literal: true

require "stringio"

require_relative "helper"

class ArtifactsTest < OciregTest
  def test_files_memory_and_streams
    place = "#{new_repository}:v1"
    Dir.mktmpdir do |folder|
      File.write("#{folder}/file.txt", "from a file")
      parts = [Pathname("#{folder}/file.txt"), { data: "from memory", title: "a/b", media_type: "text/plain", annotations: ["k=v"] },
               { data: "{}", config: true }]
      pushed = client.push_artifact(place, parts + [{ io: StringIO.new("from a stream"), title: "c" }], artifact_type: "a/b")
      assert_equal(["file.txt", "a/b", "c"], pushed["layers"].map { |layer| layer["annotations"]["org.opencontainers.image.title"] })
      assert_equal ["a/b", 13], [pushed["artifactType"], pushed["layers"].last["size"]]
      pulled = client.pull_artifact(place, Pathname("#{folder}/out"), titles: %w[a/*])
      assert_equal ["from memory", 2], [File.read("#{folder}/out/a/b"), pulled["skipped"].size]
      assert_equal 1, client.pull_artifact(place, "#{folder}/out", keep_old: true)["kept"]
      attached = client.attach_artifact(place, "#{folder}/file.txt", artifact_type: "a/sig")
      assert_equal pushed["digest"], attached["subject"]["digest"]
      assert_equal [attached["digest"]], client.place_referrers(place)["referrers"].map { |one| one["digest"] }
      assert_equal 1, client.push_artifact(place, [], if_exists: "skip")["skipped"].size
    end
  end

  def test_what_cannot_be
    place = "oci:/nonexistent/layout:v1"
    [{ data: "x", title: "../x" }, "-", { data: 1 }, { io: 1 }, { path: "x", titel: "y" }].each do |file|
      assert_raises(Ocireg::InvalidArgument) { client.push_artifact(place, [file].tap { |list| list[0] = { **file, annotations: ["x"] } if file.is_a?(Hash) && file[:titel] }) }
    end
    broken = Object.new.tap { |io| io.define_singleton_method(:read) { |_| raise IOError, "it broke" } }
    assert_raises(IOError) { client.push_artifact(place, [{ io: broken, title: "x" }]) }
  end
end
