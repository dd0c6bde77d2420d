# frozen_string_literal: true

require "digest"

require_relative "helper"

class IndexesTest < OciregTest
  def test_made_and_changed
    repository = new_repository
    Dir.mktmpdir do |folder|
      layer = "#{folder}/layer.tar"
      File.binwrite(layer, tar("file", "text"))
      amd64, arm64, s390x = %w[amd64 arm64 s390x].map do |arch|
        "#{repository}-#{arch}:v1".tap { |name| client.append_image(name, layer, scratch: true, platform: "linux/#{arch}") }
      end
      place = "#{repository}:v1"
      made = client.create_index(place, [amd64, arm64], annotations: ["a=b"])
      assert_equal(%w[amd64 arm64], made["manifests"].map { |one| one["platform"]["architecture"] })
      added = client.append_to_index(place, s390x, replace: true)
      assert_equal [3, made["digest"], 1], [added["manifests"].size, added["before"], added["attempts"]]
      gone = client.remove_from_index(place, made["manifests"].first["digest"], platform: ["linux/arm64"])
      assert_equal [2, 1], [gone["removed"].size, gone["manifests"].size]
      planned = client.append_to_index(place, amd64, put_as: "v2", annotations: ["c=d"], tags: ["v3"], dry_run: true)
      assert_equal planned["digest"], "sha256:#{Digest::SHA256.hexdigest(planned["manifest"])}"
      named = client.append_to_index(place, amd64, put_as: "v2", annotations: ["c=d"], tags: ["v3"])
      assert_equal [planned["digest"], gone["digest"], ["v3"], nil], named.values_at("digest", "before", "tags", "manifest")
      assert_raises(Ocireg::NotFound) { client.append_to_index("#{repository}:none", s390x) }
      assert_raises(Ocireg::InvalidArgument) { client.remove_from_index(place) }
    end
  end
end
