# frozen_string_literal: true

require_relative "helper"

class V1Test < OciregTest
  LAYER = Random.new(2).bytes(300_000)

  def old = OciregTest.registry("V1")

  def setup
    @repository = "#{old}/ruby/r#{SecureRandom.hex(4)}"
    @id = SecureRandom.hex(32)
    @json = JSON.generate("id" => @id)
  end

  def put_old_image
    assert client.v1.put_image(@repository, @json)["uploaded"]
    yield
    client.v1.put_tag("#{@repository}:one", @id)
  end

  def test_asking
    put_old_image { client.v1.put_layer(@repository, @json, LAYER) }
    v1 = client.v1
    assert_equal 200, v1.ping(old)["status"]
    assert_equal({ "one" => @id }, v1.tags(@repository)["tags"])
    assert_equal @id, v1.tag("#{@repository}:one")
    assert_equal [@id], v1.ancestry(@repository, @id)
    assert_equal @id, v1.image(@repository, @id)["id"]
    assert_equal @id, JSON.parse(v1.image_bytes(@repository, @id))["id"]
    assert v1.images(@repository)["endpoint"]
    assert_equal 1, v1.search(old, @repository.split("/").last)["num_results"]
  end

  # What a call gives that tells its block how far it is.
  def told
    seen = []
    yield(->(done, _) { seen << done }).tap { refute_empty seen }
  end

  def test_layers
    put_old_image { told { |block| client.v1.put_layer(@repository, @json, LAYER, &block) } }
    assert_equal LAYER, told { |block| client.v1.layer(@repository, @id, &block) }
    assert_equal LAYER, client.v1.open_layer(@repository, @id, &:read)
    out = StringIO.new
    assert client.v1.layer_to_io(@repository, @id, out)["verified"]
    assert_equal LAYER, out.string.b
    Dir.mktmpdir do |folder|
      client.v1.layer_to_file(@repository, @id, "#{folder}/layer")
      assert_equal LAYER, File.binread("#{folder}/layer")
    end
  end

  def test_a_layer_from_a_file_and_its_checksum
    Dir.mktmpdir do |folder|
      File.binwrite("#{folder}/layer", LAYER)
      put_old_image do
        put = client.v1.put_layer(@repository, @json, Pathname("#{folder}/layer"), finish: false)
        client.v1.put_checksum(@repository, @id, put["checksum"])
      end
    end
    assert_equal LAYER, client.v1.layer(@repository, @id)
    client.v1.delete_tag("#{@repository}:one")
    assert_empty client.v1.tags(@repository)["tags"]
    assert_equal 200, client.v1.delete_repository(@repository)["status"]
  end

  def test_push
    image = put_real_image
    pushed = told { |block| client.v1.push(image, "#{@repository}:one", platform: "linux/amd64", &block) }
    assert_equal client.manifest_digest(image), pushed["digest"]
    assert_equal pushed["id"], client.v1.tag("#{@repository}:one")
    Dir.mktmpdir { |folder| assert client.copy("docker-v1://#{@repository}:one", "oci:#{folder}/layout:one")["digest"] }
  end

  def test_login
    assert_equal "somebody", client.v1.login(old, username: "somebody", password: "something")["username"]
  end
end
