# frozen_string_literal: true

require_relative "helper"

# The methods that move bytes tell a block how far they are.
class ProgressTest < OciregTest
  # {method => call}
  def calls(image, blob, folder)
    other = new_repository
    index = "#{registry}/ruby/#{SecureRandom.hex(6)}:i"
    {
      blob: ->(&b) { client.blob(blob, &b) },
      blob_to_file: ->(&b) { client.blob_to_file(blob, "#{folder}/blob", &b) },
      blob_to_io: ->(&b) { client.blob_to_io(blob, StringIO.new, &b) },
      put_bytes: ->(&b) { client.put_blob(other, "bytes", &b) },
      put_file: ->(&b) { client.put_blob(other, Pathname("#{folder}/file"), &b) },
      put_stream: ->(&b) { client.put_blob(other, StringIO.new("stream"), &b) },
      copy_blob: ->(&b) { client.copy_blob(blob, new_repository, &b) },
      copy: ->(&b) { client.copy(image, "oci:#{folder}/copy", &b) },
      sync: ->(&b) { client.sync(image, "oci:#{folder}/sync", &b) },
      sync_list: ->(&b) { client.sync_list(image, "oci:#{folder}/list", &b) },
      validate_image: ->(&b) { client.validate_image(image, &b) },
      append_image: ->(&b) { client.append_image(image, ["#{folder}/layer.tar"], to: "#{new_repository}:a", &b) },
      extract_image: ->(&b) { client.extract_image(image, "#{folder}/extracted", &b) },
      export_file: ->(&b) { client.export_image(image, "#{folder}/export.tar", &b) },
      export_io: ->(&b) { client.export_image(image, StringIO.new, &b) },
      image_files: ->(&b) { client.image_files(image, &b) },
      image_file: ->(&b) { client.image_file(image, "greeting", StringIO.new, &b) },
      push_artifact: ->(&b) { client.push_artifact("#{new_repository}:a", "#{folder}/file", artifact_type: "a/b", &b) },
      attach_artifact: ->(&b) { client.attach_artifact(image, "#{folder}/file", artifact_type: "a/b", &b) },
      pull_artifact: ->(&b) { client.pull_artifact(@artifact, "#{folder}/pulled", &b) },
      create_index: ->(&b) { client.create_index(index, image, &b) },
      append_to_index: ->(&b) { client.append_to_index(index, put_real_image, &b) }
    }
  end

  def test_each_method_tells
    Dir.mktmpdir do |folder|
      File.write("#{folder}/file", "a file")
      File.binwrite("#{folder}/layer.tar", tar("more", "more"))
      image = put_real_image
      @artifact = "#{new_repository}:a"
      client.push_artifact(@artifact, "#{folder}/file", artifact_type: "a/b")
      blob = "#{image.rpartition(":").first}@#{client.manifest(image).layers.first["digest"]}"
      calls(image, blob, folder).each do |name, call|
        seen = []
        call.call { |done, total| seen << [done, total] }
        refute_empty seen, name
        assert(seen.all? { |done, total| done.is_a?(Integer) && (total.nil? || total >= done) }, name)
      end
    end
  end
end
